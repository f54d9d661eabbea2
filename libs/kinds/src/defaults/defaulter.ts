import { type KubeObject, ownValue } from '#apimachinery';
import type { KindModule, Setter } from '../contract/kind-module.js';
import type { KindFacts } from '../facts/kind-facts.js';
import type { StructType } from '../schema/type-graph.js';
import { assignerFor, isMissingOrEmpty, type TypeDefaults } from './type-defaults.js';

/**
 * Defaults as the reference applies them on decode: first those of the kind, then those of every type below it. Both are
 * compiled once from the facts; rules in words (they begin with `=`) are small functions, and a rule without its function
 * is an error at compile time.
 */
export function defaulterFor(
  type: StructType,
  facts: KindFacts,
  module: KindModule,
  types: TypeDefaults,
): (object: KubeObject) => void {
  const ofKind = kindSetters(facts.defaults, module);
  const ofTypes = types.of(type);
  return (object) => {
    for (const set of ofKind) set(object);
    ofTypes?.(object);
  };
}

function kindSetters(defaults: KindFacts['defaults'], { kind, defaults: rules }: KindModule): Setter[] {
  const setters: Setter[] = [];
  for (const [path, value] of Object.entries(defaults)) {
    const rule = ownValue(rules, path);
    if (rule !== undefined) setters.push(rule);
    else if (typeof value !== 'string' || !value.startsWith('=')) setters.push(pathSetter(path, value));
    else if (!followsFromTypes(value)) throw new Error(`no code for the default of ${kind} ${path}: ${value}`);
  }
  return setters;
}

/** Rules that only say that the types below have their own defaults. */
function followsFromTypes(rule: string): boolean {
  return rule.startsWith('=template fields take') || rule.startsWith('=as admissionregistration/v1.MatchResources');
}

/** Sets a literal at a path, making the maps on the way; `[*]` stands for every element of a list. */
function pathSetter(path: string, value: unknown): Setter {
  const steps = path.split('.');
  const last = steps.pop()!;
  const assign = assignerFor(last, value, isMissingOrEmpty);
  return steps.reduceRight<Setter>((next, step) => {
    if (step.endsWith('[*]')) {
      const name = step.slice(0, -3);
      return (object) => {
        // own-lookup: a name of the facts
        for (const item of object[name] ?? []) next(item);
      };
    }
    // own-lookup: a name of the facts
    return (object) => next((object[step] ??= {}));
  }, assign);
}
