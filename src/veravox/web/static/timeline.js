// Moving through the windows of a timeline, with the mouse or the arrow keys.

const STEPS = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity };

export function raise(segment, probability) {
  const level = segment.querySelector(".level");
  if (probability === null) level.hidden = true;
  else level.style.bottom = `calc(${100 * probability}% - ${3 * probability}px)`;
}

export function tell(segment, detail) {
  detail.textContent = segment.textContent.replaceAll(/\s+/g, " ").trim();
}

// One window can be reached with Tab, the others from there. `detail` tells of the one looked at.
export function explore(timeline, detail) {
  const told = (event) => {
    const segment = event.target.closest(".segment");
    if (segment) tell(segment, detail);
  };
  timeline.addEventListener("mouseover", told);
  timeline.addEventListener("focusin", told);
  timeline.addEventListener("keydown", (event) => {
    if (!(event.key in STEPS)) return;
    event.preventDefault();
    const segments = [...timeline.querySelectorAll(".segment")];
    const from = segments.indexOf(document.activeElement);
    const to = Math.min(segments.length - 1, Math.max(0, from + STEPS[event.key]));
    segments[from].tabIndex = -1;
    segments[to].tabIndex = 0;
    segments[to].focus();
  });
}
