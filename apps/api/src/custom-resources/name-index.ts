import type { CustomResourceDefinition, CustomResourceDefinitionNames, ResourceDefinition } from '#kinds';
import type { CachedObject, WatchCache } from '../storage/store.js';
import type { TakenNames } from './definition-names.js';

interface Indexed {
  readonly object: CachedObject;
  readonly group: string;
  readonly accepted: Partial<CustomResourceDefinitionNames>;
  readonly waits: boolean;
}

/** Names of a group, each with how many have it, and the definitions that wait for some. */
interface GroupNames {
  readonly resources: Map<string, number>;
  readonly kinds: Map<string, number>;
  readonly waiting: Set<string>;
}

/** The names that definitions have been given, by group: a thousand definitions are not read for each of them. */
export class NameIndex {
  private readonly groups = new Map<string, GroupNames>();
  private readonly definitions = new Map<string, Indexed>();

  /** `release`: what the server has without any definition; nothing may hide it. */
  constructor(release: Iterable<ResourceDefinition>) {
    for (const { custom, group, plural, singular, shortNames, kind, listKind } of release) {
      if (custom !== undefined) continue;
      const names = { plural, singular, shortNames: [...shortNames], kind, listKind };
      count(this.groupOf(group), names, 1);
    }
  }

  /** Brings the index to what the cache has at this moment. */
  follow(cache: WatchCache): void {
    const { items } = cache.list({})!;
    for (const object of items) this.take(object.name, object);
    if (items.length === this.definitions.size) return;
    for (const name of [...this.definitions.keys()]) if (!cache.get('', name)) this.take(name, undefined);
  }

  /** Takes in a definition; undefined: it is gone. */
  take(name: string, object: CachedObject | undefined): void {
    const known = this.definitions.get(name);
    if (known?.object === object) return;
    if (known !== undefined) this.drop(name, known);
    if (object === undefined) return;
    const { spec, status } = object.parse() as CustomResourceDefinition;
    const condition = status?.conditions?.find(({ type }) => type === 'NamesAccepted');
    const accepted = status?.acceptedNames ?? {};
    const indexed = { object, group: spec.group, accepted, waits: condition?.status !== 'True' };
    this.definitions.set(name, indexed);
    const group = this.groupOf(spec.group);
    count(group, accepted, 1);
    if (indexed.waits) group.waiting.add(name);
  }

  taken(group: string): TakenNames {
    return this.groups.get(group) ?? NONE;
  }

  /** Definitions that were not given all names that they ask for. */
  waiting(group: string): readonly string[] {
    return [...(this.groups.get(group)?.waiting ?? [])];
  }

  private drop(name: string, { group: ofGroup, accepted }: Indexed): void {
    this.definitions.delete(name);
    const group = this.groupOf(ofGroup);
    count(group, accepted, -1);
    group.waiting.delete(name);
    if (group.resources.size + group.kinds.size + group.waiting.size === 0) this.groups.delete(ofGroup);
  }

  private groupOf(name: string): GroupNames {
    let group = this.groups.get(name);
    if (group === undefined) {
      group = { resources: new Map(), kinds: new Map(), waiting: new Set() };
      this.groups.set(name, group);
    }
    return group;
  }
}

const NONE: TakenNames = { resources: new Set(), kinds: new Set() };

function count({ resources, kinds }: GroupNames, names: Partial<CustomResourceDefinitionNames>, by: number): void {
  const { plural, singular, shortNames, kind, listKind } = names;
  for (const name of [plural, singular, ...(shortNames ?? [])]) add(resources, name, by);
  for (const name of [kind, listKind]) add(kinds, name, by);
}

function add(counts: Map<string, number>, name: string | undefined, by: number): void {
  if (!name) return;
  const left = (counts.get(name) ?? 0) + by;
  if (left > 0) counts.set(name, left);
  else counts.delete(name);
}
