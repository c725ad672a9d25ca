// Where the reader writes: Enter sends, the field grows, and a text that is too long is refused in words.

const TYPING_MS = 4_000;

export class Composer {
  #form = document.getElementById("composer");
  #text = document.getElementById("text");
  #problem = document.getElementById("problem");
  #maxText;
  #onTyping;
  #isTyping = false;
  #timer;

  /**
   * @param {number} maxText - characters that a message may have
   * @param {(text: string) => void} onSend
   * @param {(isTyping: boolean) => void} onTyping - called when somebody begins, and when they stop
   */
  constructor(maxText, onSend, onTyping) {
    this.#maxText = maxText;
    this.#onTyping = onTyping;
    this.#text.addEventListener("input", () => this.#changed());
    this.#text.addEventListener("keydown", (event) => {
      // While an input method composes a word, Enter only ends the word.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#form.requestSubmit();
    });
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit(onSend);
    });
  }

  /** There is nobody to send to any more. */
  close() {
    clearTimeout(this.#timer);
    for (const each of this.#form.elements) each.disabled = true;
  }

  #submit(onSend) {
    const text = this.#text.value.trim();
    const refusal = this.#refusalOf(text);
    this.#say(refusal);
    if (text === "" || refusal !== "") return this.#text.focus();
    this.#text.value = "";
    this.#changed();
    onSend(text);
  }

  #changed() {
    this.#say(this.#refusalOf(this.#text.value.trim()));
    // Its own height would keep it from shrinking.
    this.#text.style.height = "auto";
    this.#text.style.height = `${this.#text.scrollHeight + 2}px`;
    this.#typing(this.#text.value !== "");
  }

  #refusalOf(text) {
    // Characters as Python counts them, not units of UTF-16.
    const length = [...text].length;
    if (length <= this.#maxText) return "";
    const [has, may] = [length, this.#maxText].map((number) => number.toLocaleString("en"));
    return `That is ${has} characters; a message may have ${may}.`;
  }

  #say(text) {
    if (this.#problem.textContent !== text) this.#problem.textContent = text;
    this.#text.setAttribute("aria-invalid", String(text !== ""));
  }

  // Two changes of presence for a text, not one for each key.
  #typing(isTyping) {
    clearTimeout(this.#timer);
    if (isTyping) this.#timer = setTimeout(() => this.#typing(false), TYPING_MS);
    if (isTyping === this.#isTyping) return;
    this.#isTyping = isTyping;
    this.#onTyping(isTyping);
  }
}
