// Folders that need each other: whoever reads one has to read the other first, and neither can be taken out.

/**
 * Circles between folders, each as the shortest way round from a folder that is in none of those before.
 * @param {Iterable<[from: string, to: string]>} imports of files, type-only ones too
 * @returns {string[][]} folders; the last one imports of the first
 */
export function folderCircles(imports) {
  const graph = new Map();
  for (const [from, to] of imports) {
    const [source, target] = [folderOf(from), folderOf(to)];
    if (source === target) continue;
    graph.set(source, (graph.get(source) ?? new Set()).add(target));
  }
  const circles = [];
  const seen = new Set();
  for (const start of [...graph.keys()].sort()) {
    const way = seen.has(start) ? undefined : shortestWay(graph, start);
    if (way === undefined) continue;
    circles.push(way);
    for (const folder of way) seen.add(folder);
  }
  return circles;
}

function folderOf(file) {
  return file.slice(0, file.lastIndexOf('/'));
}

/** From a folder back to itself. */
function shortestWay(graph, start) {
  const before = new Map();
  const waiting = [start];
  for (const folder of waiting) {
    for (const next of graph.get(folder) ?? []) {
      if (next === start) {
        const way = [];
        for (let step = folder; step !== start; step = before.get(step)) way.unshift(step);
        return [start, ...way];
      }
      if (before.has(next)) continue;
      before.set(next, folder);
      waiting.push(next);
    }
  }
  return undefined;
}
