// Signs in and out, and the keys that work everywhere on the page.

import { Api } from "./api.js";
import { find, setText } from "./dom.js";
import { Workspace } from "./workspace.js";

const workspace = new Workspace({ refused: (words) => signOut(words) });
// The key that is being tried; signing out, or leaving the page, lets go of it too.
let tried = null;

async function signIn() {
  const key = find("key").value.trim();
  if (tried !== null) return;
  const api = (tried = new Api(key));
  setText(find("key-problem"), "");
  try {
    const { scopes } = await api.channels("");
    if (api === tried) enter(api, scopes);
  } catch (error) {
    if (api !== tried) return;
    // The key is good, only not for reading.
    if (error.status === 403) enter(api, null);
    else refuse(key ? error.message : "type an API key");
  } finally {
    if (api === tried) tried = null;
  }
}

function enter(api, scopes) {
  find("key").value = "";
  // A browser takes the focus from what is hidden with its next frame only, which may be after the channels are there.
  find("key").blur();
  find("entrance").hidden = true;
  find("workspace").hidden = false;
  workspace.open(api, scopes);
}

function refuse(words) {
  setText(find("key-problem"), words);
  find("key").focus();
  find("key").select();
}

function signOut(words = "") {
  tried?.close();
  tried = null;
  find("key").value = "";
  workspace.close();
  find("workspace").hidden = true;
  find("entrance").hidden = false;
  refuse(words);
}

find("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  signIn();
});
find("sign-out").addEventListener("click", () => signOut());
// A browser may keep the page as it is for the way back.
addEventListener("pagehide", () => signOut());

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.matches("input, textarea, select");
  if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    find("prefix").focus();
  } else if (event.key === "Escape" && event.target.matches("[type=search]")) {
    // Where the browser would empty the field and stay in it.
    event.preventDefault();
    event.target.blur();
    if (event.target.id === "prefix") workspace.focus();
    else find("log").focus();
  }
});

find("key").focus();
