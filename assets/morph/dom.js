// What the canvas and the pictures that follow it share: elements, numbers in words, and the events between them.

const SVG = "http://www.w3.org/2000/svg";
const CHANGED = "lotviz-morph"; // events on the document: the mixture that is shown, and a wish to hear of it
const ASKED = "lotviz-morph-ask";

function element(tag, className, parent) {
  const made = document.createElement(tag);
  made.className = className;
  parent.append(made);
  return made;
}

function drawn(tag, attributes, parent) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  parent.append(made);
  return made;
}

// Even the same text, written again, would be laid out again.
function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const thousands = (n) => n.toLocaleString("en-US");
const plain = (dictionary) => (dictionary instanceof Map ? Object.fromEntries(dictionary) : (dictionary ?? {}));

function decimal(number, { digits = 2, signed = false, unit = "" }) {
  const size = Math.abs(number).toFixed(digits);
  const sign = Number(size) === 0 ? "" : number < 0 ? "\u2212" : signed ? "+" : "";
  return `${sign}${size}${unit ? ` ${unit}` : ""}`;
}
