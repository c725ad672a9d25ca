// Messages a second, from how much each channel's count grew between two answers of the server.

const SHOWN_SECONDS = 60;
const AVERAGED_SECONDS = 5;

export class Rates {
  #before = null;
  #steps = [];

  /**
   * Takes an answer.
   * @param at when it came, in milliseconds of a clock that never goes back.
   * @param channels each with `channel` and `published`.
   * @param knowsAll tells of a name whether the answer would have had it, had it existed.
   */
  update(at, channels, knowsAll) {
    const counts = new Map(channels.map((each) => [each.channel, each.published]));
    if (this.#before !== null && at > this.#before.at) {
      this.#steps.push({ at, seconds: (at - this.#before.at) / 1000, ...grown(this.#before, counts) });
      // One more than is shown, so that the line begins at the plot's edge.
      while (this.#steps.length > 1 && this.#steps[1].at <= at - SHOWN_SECONDS * 1000) this.#steps.shift();
    }
    this.#before = { at, counts, knowsAll };
  }

  /** A channel's messages a second over the last seconds; of all together where the name is null. */
  of(channel) {
    const newest = this.#steps.at(-1);
    if (newest === undefined) return 0;
    const recent = this.#steps.filter((step) => step === newest || step.at > newest.at - AVERAGED_SECONDS * 1000);
    const seconds = recent.reduce((sum, step) => sum + step.seconds, 0);
    return recent.reduce((sum, step) => sum + amount(step, channel), 0) / seconds;
  }

  /** Each step of the last minute: how many seconds ago it ended, how long it was, messages a second. */
  series(channel, now) {
    return this.#steps.map((step) => ({
      ago: (now - step.at) / 1000,
      seconds: step.seconds,
      rate: amount(step, channel) / step.seconds,
    }));
  }
}

function amount(step, channel) {
  return channel === null ? step.total : (step.byChannel.get(channel) ?? 0);
}

function grown(before, counts) {
  const byChannel = new Map();
  let total = 0;
  for (const [channel, count] of counts) {
    const more = increase(before, channel, count);
    if (more > 0) byChannel.set(channel, more);
    total += more;
  }
  return { byChannel, total };
}

function increase(before, channel, count) {
  const earlier = before.counts.get(channel);
  if (earlier === undefined) return before.knowsAll(channel) ? count : 0;
  // A count that went back is of a new history, all of which came since.
  return count < earlier ? count : count - earlier;
}
