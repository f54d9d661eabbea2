import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { compactRuleText, holds, type PolicyRule, pathMatches, pathPrefixes } from './policy-rule.js';

/** What is missing is only listed, so this many parts are enough. */
const MAX_MISSING = 1000;

/** Comparisons of one check, in all and before others have their turn: some seconds, and some milliseconds. */
const MAX_STEPS = 5_000_000;
const STEPS_AT_A_TIME = 5_000;

/** The rules combine in more ways than a request may take time for. */
export class RulesTooComplex extends Error {
  override readonly name = 'RulesTooComplex';

  constructor() {
    super('the rules are too many to compare with those that are held');
  }
}

/**
 * The part of `wanted` that `owned` does not cover, as rules of one verb and resource each, in the order of `wanted` and
 * at most 1000 of them. Empty: all is covered. A rule stands for the product of its four lists, which a small rule can
 * make astronomic, so the product is walked only where no rule that is held covers all of what is below. Lets the event
 * loop turn meanwhile.
 *
 * Rejects with RulesTooComplex.
 */
export async function uncoveredRules(
  owned: readonly PolicyRule[],
  wanted: readonly PolicyRule[],
): Promise<PolicyRule[]> {
  const walk = new CoverageWalk(owned);
  for (const _ of walk.rules(wanted)) await turnOfTheLoop();
  return walk.missing;
}

/** Whether all of `wanted` is covered, at once: for rules that no request brings. Throws RulesTooComplex. */
export function coversRules(owned: readonly PolicyRule[], wanted: readonly PolicyRule[]): boolean {
  const walk = new CoverageWalk(owned);
  for (const _ of walk.rules(wanted));
  return walk.missing.length === 0;
}

/** One list of a rule: its values, and how a rule that is held covers one of them. */
interface Dimension {
  readonly values: readonly (string | undefined)[];
  covers(owner: PolicyRule, value: string | undefined): boolean;
}

type Part = (values: readonly (string | undefined)[]) => PolicyRule;
/** Stops where others should have their turn. */
type Paused = Generator<undefined, void>;

class CoverageWalk {
  readonly missing: PolicyRule[] = [];
  private readonly owned: readonly PolicyRule[];
  /** Rules that are held, by number. */
  private readonly numbers: ReadonlyMap<PolicyRule, number>;
  private steps = 0;
  private pauseAt = STEPS_AT_A_TIME;

  constructor(owned: readonly PolicyRule[]) {
    this.owned = [...new Set(owned)];
    this.numbers = new Map(this.owned.map((owner, i) => [owner, i]));
  }

  *rules(wanted: readonly PolicyRule[]): Paused {
    for (const rule of wanted) {
      yield* this.resources(rule);
      yield* this.paths(rule);
      if (this.isFull) break;
    }
  }

  private get isFull(): boolean {
    return this.missing.length >= MAX_MISSING;
  }

  private resources({ apiGroups = [], resources = [], verbs, resourceNames = [] }: PolicyRule): Paused {
    const names = resourceNames.length > 0 ? resourceNames : [undefined];
    const dimensions: Dimension[] = [
      { values: apiGroups, covers: (owner, group) => coversValue(owner.apiGroups, group!) },
      { values: resources, covers: (owner, resource) => coversResource(owner.resources, resource!) },
      { values: verbs, covers: (owner, verb) => coversValue(owner.verbs, verb!) },
      { values: names, covers: (owner, name) => coversName(owner.resourceNames, name) },
    ];
    return this.walk(dimensions, ([group, resource, verb, name]) => ({
      apiGroups: [group!],
      resources: [resource!],
      verbs: [verb!],
      ...(name === undefined ? undefined : { resourceNames: [name] }),
    }));
  }

  private paths({ nonResourceURLs = [], verbs }: PolicyRule): Paused {
    const dimensions: Dimension[] = [
      { values: nonResourceURLs, covers: (owner, path) => this.coversPath(owner.nonResourceURLs, path!) },
      { values: verbs, covers: (owner, verb) => coversValue(owner.verbs, verb!) },
    ];
    return this.walk(dimensions, ([path, verb]) => ({ nonResourceURLs: [path!], verbs: [verb!] }));
  }

  private *walk(dimensions: readonly Dimension[], part: Part): Paused {
    if (dimensions.some(({ values }) => values.length === 0)) return;
    // Of each rule that is held: from which dimension on it covers all values.
    const coversFrom = new Map<PolicyRule, number>();
    const coversBelow = (owner: PolicyRule, depth: number): boolean => {
      let from = coversFrom.get(owner);
      if (from === undefined) {
        from = dimensions.length;
        while (from > 0 && this.coversAll(dimensions[from - 1]!, owner)) from--;
        coversFrom.set(owner, from);
      }
      return from <= depth;
    };
    /** By dimension: sets of rules that together cover all of what is below. */
    const covering = dimensions.map(() => new Set<string>());
    const values: (string | undefined)[] = [];
    const { missing } = this;
    function* descend(walk: CoverageWalk, depth: number, owners: readonly PolicyRule[]): Paused {
      const dimension = dimensions[depth]!;
      for (const value of dimension.values) {
        if (walk.isFull) return;
        if (walk.pauses()) yield;
        const left = owners.filter((owner) => walk.covers(dimension, owner, value));
        if (left.some((owner) => coversBelow(owner, depth + 1))) continue;
        values[depth] = value;
        if (left.length === 0) {
          walk.listAll(dimensions, depth + 1, values, part);
          continue;
        }
        const key = left.map((owner) => walk.numbers.get(owner)).join(' ');
        if (covering[depth]!.has(key)) continue;
        const before = missing.length;
        yield* descend(walk, depth + 1, left);
        if (missing.length === before) covering[depth]!.add(key);
      }
    }
    yield* descend(this, 0, this.owned);
  }

  /** No rule covers anything of what is below. */
  private listAll(dimensions: readonly Dimension[], depth: number, values: (string | undefined)[], part: Part): void {
    if (depth === dimensions.length) {
      this.missing.push(part(values));
      return;
    }
    for (const value of dimensions[depth]!.values) {
      if (this.isFull) return;
      values[depth] = value;
      this.listAll(dimensions, depth + 1, values, part);
    }
  }

  private coversAll(dimension: Dimension, owner: PolicyRule): boolean {
    return dimension.values.every((value) => this.covers(dimension, owner, value));
  }

  private coversPath(held: readonly string[] = [], path: string): boolean {
    this.steps += pathPrefixes(held).length;
    return pathMatches(held, path);
  }

  private covers(dimension: Dimension, owner: PolicyRule, value: string | undefined): boolean {
    this.steps += 1;
    if (this.steps > MAX_STEPS) throw new RulesTooComplex();
    return dimension.covers(owner, value);
  }

  /** Whether it is the others' turn. */
  private pauses(): boolean {
    if (this.steps < this.pauseAt) return false;
    this.pauseAt = this.steps + STEPS_AT_A_TIME;
    return true;
  }
}

function coversValue(held: readonly string[] = [], value: string): boolean {
  return holds(held, value) || holds(held, '*');
}

function coversResource(held: readonly string[] = [], resource: string): boolean {
  if (coversValue(held, resource)) return true;
  const slash = resource.indexOf('/');
  return slash >= 0 && holds(held, `*${resource.slice(slash)}`);
}

/** Undefined: all names. */
function coversName(held: readonly string[] = [], name: string | undefined): boolean {
  return held.length === 0 || (name !== undefined && holds(held, name));
}

/** One line a rule, sorted, with the verbs for one resource gathered: what an escalation error lists. */
export function describeRules(rules: readonly PolicyRule[]): string[] {
  const gathered = new Map<string, { rule: PolicyRule; verbs: string[] }>();
  for (const rule of rules) {
    const simple =
      rule.resources?.length === 1 && rule.apiGroups?.length === 1 && (rule.resourceNames?.length ?? 0) <= 1;
    const key = simple
      ? JSON.stringify([rule.apiGroups, rule.resources, rule.resourceNames ?? []])
      : JSON.stringify([gathered.size, rule]);
    const known = gathered.get(key);
    if (known) for (const verb of rule.verbs) known.verbs.push(verb);
    else gathered.set(key, { rule, verbs: [...rule.verbs] });
  }
  const lines = [...gathered.values()].map(({ rule, verbs }) => compactRuleText({ ...rule, verbs }));
  return [...new Set(lines)].sort();
}
