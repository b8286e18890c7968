// Weights of samples: numbers from 0 to 1 that sum to one. Plain arithmetic, no page.

const clamp = (x, low, high) => Math.min(high, Math.max(low, x));
const even = (k) => new Array(k).fill(1 / k);
const alone = (k, index) => Array.from({ length: k }, (_, i) => (i === index ? 1 : 0));

function normalised(weights) {
  const kept = weights.map((weight) => (weight > 1e-6 ? weight : 0));
  const sum = kept.reduce((total, weight) => total + weight, 0);
  return kept.map((weight) => weight / sum);
}

// One weight set to a value, the others scaled in proportion; where they are all zero, they share alike.
function rescaled(weights, index, value) {
  const others = weights.reduce((sum, weight, i) => (i === index ? sum : sum + weight), 0);
  const left = 1 - value;
  return weights.map((weight, i) => {
    if (i === index) return value;
    return others > 1e-9 ? (weight / others) * left : left / (weights.length - 1);
  });
}

// Weights on the path through k samples: 0 is the first, k - 1 the last.
function onPath(t, k) {
  return Array.from({ length: k }, (_, i) => Math.max(0, 1 - Math.abs(clamp(t, 0, k - 1) - i)));
}

// Corners of a regular polygon around the origin, the first on top, clockwise; y points down.
function cornersOf(k) {
  return Array.from({ length: k }, (_, i) => {
    const angle = (2 * Math.PI * i) / k;
    return [Math.sin(angle), -Math.cos(angle)];
  });
}

// Twice the area between a point and the edge from corner i to the next: its distance from the edge, up to a factor.
function edgeArea([x, y], corners, i) {
  const [ax, ay] = corners[i];
  const [bx, by] = corners[(i + 1) % corners.length];
  return (ax - x) * (by - y) - (bx - x) * (ay - y);
}

// Generalised barycentric coordinates of a point of a regular polygon (Wachspress 1975; Meyer et al. 2002), cleared of
// fractions: smooth inside, linear along the edges, one at its own corner. For three corners the usual ones.
function polygonWeights(point, corners) {
  const k = corners.length;
  const areas = corners.map((_, i) => Math.max(0, edgeArea(point, corners, i)));
  const touches = (i, j) => j === i || j === (i + k - 1) % k;
  const parts = corners.map((_, i) => areas.reduce((product, area, j) => (touches(i, j) ? product : product * area), 1));
  const sum = parts.reduce((total, part) => total + part, 0);
  return normalised(parts.map((part) => part / sum));
}

function polygonPoint(weights, corners) {
  return [0, 1].map((axis) => weights.reduce((sum, weight, i) => sum + weight * corners[i][axis], 0));
}

// The point itself if inside, else the nearest point of the border.
function intoPolygon(point, corners) {
  if (corners.every((_, i) => edgeArea(point, corners, i) >= 0)) return point;
  let nearest = null;
  corners.forEach(([ax, ay], i) => {
    const [bx, by] = corners[(i + 1) % corners.length];
    const [dx, dy] = [bx - ax, by - ay];
    const s = clamp(((point[0] - ax) * dx + (point[1] - ay) * dy) / (dx * dx + dy * dy), 0, 1);
    const [x, y] = [ax + s * dx, ay + s * dy];
    const far = Math.hypot(point[0] - x, point[1] - y);
    if (nearest === null || far < nearest.far) nearest = { far, place: [x, y] };
  });
  return nearest.place;
}

const percentOf = (share) => `${Math.round(100 * share)} %`;

// "45 % A, 30 % B, 25 % C", or the largest of many.
function inWords(weights, labels) {
  const order = weights.map((_, i) => i).filter((i) => weights[i] >= 0.005);
  if (order.length <= 3) return order.map((i) => `${percentOf(weights[i])} ${labels[i]}`).join(", ");
  if (Math.max(...weights) - Math.min(...weights) < 0.005) return `equal parts of ${order.length}`;
  const most = order.reduce((best, i) => (weights[i] > weights[best] ? i : best));
  return `a mixture of ${order.length}, most of it ${labels[most]} (${percentOf(weights[most])})`;
}
