import {
  applyConflict,
  childNode,
  deepCopy,
  type FieldSet,
  fieldElement,
  isJsonObject,
  isMember,
  itemElement,
  type ManagedFieldsEntry,
  ownValue,
  pathsOf,
  type SchemaNode,
  type StatusError,
  setOwn,
} from '#apimachinery';

/** Merging of server-side apply: what is applied wins, what it no longer says goes, the rest stays. */

type Json = Record<string, unknown>;

function isGranular(node: SchemaNode): boolean {
  return node.mapType !== 'atomic' && node.kind !== 'scalar';
}

function isAssociativeList(node: SchemaNode): node is SchemaNode & { items: SchemaNode } {
  return node.items !== undefined && (node.listType === 'map' || node.listType === 'set');
}

/** `applied` over `live`; neither is changed, and the result shares nothing with them. */
export function mergeApplied(node: SchemaNode, live: unknown, applied: unknown): unknown {
  if (isJsonObject(applied) && isJsonObject(live) && isGranular(node)) {
    const merged = deepCopy(live) as Json;
    for (const key in applied) {
      if (applied[key] === undefined || applied[key] === null) continue;
      setOwn(merged, key, mergeApplied(childNode(node, key), ownValue(live, key), applied[key]));
    }
    return merged;
  }
  if (Array.isArray(applied) && Array.isArray(live) && isAssociativeList(node)) return mergeLists(node, live, applied);
  return deepCopy(applied);
}

/**
 * Items that are in both lists come in the applied order. An item that only the live list has stays behind the shared item that it
 * was behind. Fact: structured-merge-diff 6.4.2, typed/merge.go (lists).
 */
function mergeLists(node: SchemaNode & { items: SchemaNode }, live: unknown[], applied: unknown[]): unknown[] {
  const elementOf = (item: unknown) => itemElement(node, node.items, item) ?? item;
  const before = live.map(elementOf);
  const wanted = applied.map(elementOf);
  const isWanted = new Set(wanted);
  const liveItems = uniqueItems(before, live);
  const shared = wanted.filter((element) => liveItems.has(element));
  const merged: unknown[] = [];
  const done = new Set<unknown>();
  let [from, to, next] = [0, 0, 0];
  const take = () => {
    const element = wanted[to]!;
    merged.push(mergeApplied(node.items, liveItems.get(element), applied[to++]));
    done.add(element);
    if (shared[next] === element) next++;
  };
  while (from < before.length && to < wanted.length) {
    const element = before[from];
    if (element === wanted[to]) {
      take();
      from++;
    } else if (!isWanted.has(element)) merged.push(deepCopy(live[from++]));
    else if (next < shared.length && shared[next] !== element) from++;
    else {
      if (done.has(element)) from++;
      take();
    }
  }
  for (; from < before.length; from++) if (!isWanted.has(before[from])) merged.push(deepCopy(live[from]));
  while (to < wanted.length) take();
  return merged;
}

/** Items by what identifies them; of what is there more than once none, as nobody can tell which of them is meant. */
function uniqueItems(elements: readonly unknown[], items: readonly unknown[]): Map<unknown, unknown> {
  const found = new Map<unknown, unknown>();
  for (const [i, element] of elements.entries()) found.set(element, found.has(element) ? undefined : items[i]);
  return found;
}

/**
 * Takes out of `value`, in place, what the manager applied before (`previous`) and nobody has now (`kept`). A field goes
 * with all that is in it when no part of it is kept, an item of a list when nobody keeps the item itself: so what the
 * server filled in goes with it. Fact: structured-merge-diff 6.4.2, merge/update.go (prune).
 */
export function pruneApplied(node: SchemaNode, value: unknown, previous: FieldSet, kept: FieldSet | undefined): void {
  if (isJsonObject(value)) {
    for (const key of Object.keys(value)) {
      const before = previous[fieldElement(key)];
      if (before === undefined) continue;
      const now = kept?.[fieldElement(key)];
      if (now === undefined) delete value[key];
      else pruneApplied(childNode(node, key), value[key], before, now);
    }
  } else if (Array.isArray(value) && isAssociativeList(node)) {
    for (let i = value.length - 1; i >= 0; i -= 1) {
      const element = itemElement(node, node.items, value[i]);
      const before = element === undefined ? undefined : previous[element];
      if (before === undefined) continue;
      const now = kept?.[element!];
      if (isMember(before) && (now === undefined || !isMember(now))) value.splice(i, 1);
      else pruneApplied(node.items, value[i], before, now);
    }
  }
}

interface Conflict {
  entry: ManagedFieldsEntry;
  fields: FieldSet;
}

/** The 409 of an apply that meets fields of others; one cause for each field. */
export function conflictError(conflicts: readonly Conflict[]): StatusError {
  const causes: { reason: string; message: string; field: string }[] = [];
  const groups: string[] = [];
  for (const { entry, fields } of conflicts) {
    const manager = managerText(entry);
    const paths = pathsOf(fields).map(pathText);
    for (const path of paths) {
      causes.push({ reason: 'FieldManagerConflict', message: `conflict with ${manager}`, field: path });
    }
    groups.push(
      paths.length === 1
        ? `conflict with ${manager}: ${paths[0]}`
        : `conflicts with ${manager}:\n${paths.map((path) => `- ${path}`).join('\n')}`,
    );
  }
  const count = causes.length === 1 ? '1 conflict' : `${causes.length} conflicts`;
  return applyConflict(causes, `Apply failed with ${count}: ${groups.join('\n')}`);
}

function managerText({ manager, operation, apiVersion, subresource }: ManagedFieldsEntry): string {
  const below = subresource ? ` with subresource ${JSON.stringify(subresource)}` : '';
  return operation === 'Update' ? `"${manager}"${below} using ${apiVersion}` : `"${manager}"${below}`;
}

/** `.spec.containers[name="web"].image` */
function pathText(path: readonly string[]): string {
  let text = '';
  for (const element of path) {
    const content = element.slice(2);
    if (element.startsWith('f:')) text += `.${content}`;
    else if (element.startsWith('k:')) {
      const keys = Object.entries(JSON.parse(content) as Json);
      text += `[${keys.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(',')}]`;
    } else if (element.startsWith('v:')) text += `[=${content}]`;
    else text += `[${content}]`;
  }
  return text;
}
