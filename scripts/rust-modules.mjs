// The modules of a Rust crate and what each uses of the others, read from `use crate::` and `use super::` outside tests.
// A folder counts as one module towards the rest of the crate; within a folder its files are looked at for themselves,
// without the `mod.rs` that declares them, which they may use.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Test code may use everything: it ends the file (`#[cfg(test)] mod tests`), or is a file that only tests declare. */
function withoutTests(text) {
  return text
    .replace(/#\[cfg\(test\)\]\n(?:#\[path = "[^"]*"\]\n)?mod \w+;\n/g, '')
    .replace(/#\[cfg\(test\)\]\nmod \w+ \{[\s\S]*$/, '');
}

/** First path segments after `prefix::`, in all forms: `a::b`, `{a::b, c}`, `a`. */
function namesAfter(prefix, text) {
  const names = new Set();
  for (const [, single, group] of text.matchAll(new RegExp(`\\b${prefix}::(?:(\\w+)|\\{([\\s\\S]*?)\\};)`, 'g'))) {
    if (single) names.add(single);
    else for (const [name] of flattened(group).matchAll(/\w+/g)) names.add(name);
  }
  return names;
}

/** A use group's first segments: what stands behind `::` is taken away. */
function flattened(group) {
  let text = group;
  for (let before = ''; before !== text; ) {
    before = text;
    text = text.replace(/::(?:\{[^{}]*\}|\w+|\*)/g, '');
  }
  return text;
}

function sourceOf(path) {
  return withoutTests(readFileSync(path, 'utf8').replace(/\/\/.*$/gm, ''));
}

/** @returns {{ scope: string, uses: Map<string, Set<string>> }[]} the crate itself, and each folder in it. */
export function rustModules(src) {
  const entries = readdirSync(src, { withFileTypes: true });
  const root = ['lib.rs', 'main.rs'].filter((name) => entries.some((entry) => entry.name === name));
  const declared = new Set(
    root.flatMap((name) =>
      [...sourceOf(join(src, name)).matchAll(/^\s*(?:pub )?mod (\w+)/gm)].map(([, found]) => found),
    ),
  );
  const uses = new Map();
  const folders = [];
  for (const name of declared) {
    const folder = entries.some((entry) => entry.name === name && entry.isDirectory());
    const file = entries.some((entry) => entry.name === `${name}.rs`);
    if (!folder && !file) continue;
    const texts = folder ? filesBelow(join(src, name)).map(sourceOf) : [];
    if (file) texts.push(sourceOf(join(src, `${name}.rs`)));
    const found = texts.flatMap((text) => [...namesAfter('crate', text)]);
    if (file) found.push(...namesAfter('super', sourceOf(join(src, `${name}.rs`))));
    uses.set(name, new Set(found.filter((used) => used !== name && declared.has(used))));
    if (folder) folders.push({ scope: join(src, name), uses: siblings(join(src, name)) });
  }
  return [{ scope: src, uses }, ...folders];
}

function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesBelow(path);
    return entry.name.endsWith('.rs') && !entry.name.endsWith('_tests.rs') ? [path] : [];
  });
}

function siblings(folder) {
  const files = readdirSync(folder).filter((name) => name.endsWith('.rs') && !/^mod\.rs$|_tests\.rs$/.test(name));
  const names = files.map((name) => name.slice(0, -3));
  return new Map(
    names.map((name) => {
      const used = namesAfter('super', sourceOf(join(folder, `${name}.rs`)));
      return [name, new Set(names.filter((other) => other !== name && used.has(other)))];
    }),
  );
}

/** Modules that use each other, in a circle: `a -> b -> a`; none when the modules have an order. */
export function circleOf(uses) {
  const done = new Set();
  const path = [];
  const visit = (name) => {
    const at = path.indexOf(name);
    if (at !== -1) return [...path.slice(at), name];
    if (done.has(name)) return undefined;
    path.push(name);
    for (const used of uses.get(name) ?? []) {
      const circle = visit(used);
      if (circle) return circle;
    }
    path.pop();
    done.add(name);
    return undefined;
  };
  for (const name of uses.keys()) {
    const circle = visit(name);
    if (circle) return circle;
  }
  return undefined;
}
