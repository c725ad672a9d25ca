// Lets elements glide from where they were to where a change of the page puts them.

const DURATION_MS = 450;

/** Make a change, then move every element that it put elsewhere, visibly; at once for those who want it calm. */
export function glide(elements, change) {
  const before = new Map(elements.map((each) => [each, each.getBoundingClientRect()]));
  change();
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  for (const [each, from] of before) {
    const to = each.getBoundingClientRect();
    const [x, y] = [from.left - to.left, from.top - to.top];
    if (x === 0 && y === 0) continue;
    each.animate([{ transform: `translate(${x}px, ${y}px)` }, { transform: "none" }], {
      duration: DURATION_MS,
      easing: "cubic-bezier(0.2, 0.8, 0.2, 1)",
    });
  }
}
