// Reads a list of instances, each a list of points [x, y], and prints a round tour of each: the indices in order.
"use strict";

// EVOLVE-BLOCK-START
const PASSES = 1; // of improvement over the whole tour
const REACH = 5; // how far ahead in the tour an exchange may look
const HOMESICK = 0.3; // how much it counts that the next city is near to the first one

function distance(a, b) {
  return Math.hypot(a[0] - b[0], a[1] - b[1]);
}

function nearest(points) {
  const left = new Set(points.keys());
  const tour = [0];
  left.delete(0);
  while (left.size) {
    const here = points[tour[tour.length - 1]];
    let best = -1;
    let least = Infinity;
    for (const city of left) {
      const cost = distance(here, points[city]) + HOMESICK * distance(points[0], points[city]);
      if (cost < least) {
        best = city;
        least = cost;
      }
    }
    tour.push(best);
    left.delete(best);
  }
  return tour;
}

// Turns around a part of the tour where that makes it shorter.
function improve(points, tour) {
  const n = tour.length;
  const at = (i) => points[tour[i % n]];
  for (let i = 0; i < n - 1; i++) {
    for (let j = i + 2; j < Math.min(n, i + 2 + REACH); j++) {
      const before = distance(at(i), at(i + 1)) + distance(at(j), at(j + 1));
      const after = distance(at(i), at(j)) + distance(at(i + 1), at(j + 1));
      if (after < before) {
        const part = tour.slice(i + 1, j + 1).reverse();
        tour.splice(i + 1, part.length, ...part);
      }
    }
  }
}

function solve(points) {
  const tour = nearest(points);
  for (let pass = 0; pass < PASSES; pass++) improve(points, tour);
  return tour;
}
// EVOLVE-BLOCK-END

const instances = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(instances.map(solve)));
