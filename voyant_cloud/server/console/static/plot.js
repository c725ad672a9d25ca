// Draws the messages a second of the last minute as a line over its area.

import { find, formatRate, setText } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 600;
const HEIGHT = 100;
const SECONDS = 60;

export class Plot {
  #area = this.#path("plot-fill");
  #line = this.#path("plot-line");

  /** Shows a series of `Rates`. */
  draw(series, current, subject) {
    const top = ceiling(Math.max(0, ...series.map((step) => step.rate)));
    const outline = series.map((step) => stepPath(step, top)).join("");
    this.#line.setAttribute("d", outline && `M${outline.slice(1)}`);
    this.#area.setAttribute("d", outline && `M${left(series[0])},${HEIGHT}${outline}V${HEIGHT}Z`);
    setText(find("plot-top"), String(top));
    setText(find("plot-now"), `${formatRate(current)}/s`);
    setText(find("plot-of"), subject);
  }

  #path(className) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("class", className);
    find("plot").append(path);
    return path;
  }
}

// The next of 1, 2, 3, 5, 10, 20, 30 … that is not below the value, so that the scale does not move at each step.
function ceiling(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 3, 5, 10].map((factor) => factor * power).find((each) => each >= value);
}

function left(step) {
  return x(step.ago + step.seconds);
}

function x(ago) {
  return (Math.max(0, 1 - ago / SECONDS) * WIDTH).toFixed(1);
}

function stepPath(step, top) {
  const y = (HEIGHT - (step.rate / top) * (HEIGHT - 2) - 1).toFixed(1);
  return `L${left(step)},${y}L${x(step.ago)},${y}`;
}
