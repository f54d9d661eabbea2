import { type KubeObject, ownValue } from '#apimachinery';
import { kindKey } from '../contract/kind-module.js';
import { defaultsFacts, type ResourceFacts } from '../facts/facts.js';
import { kindRules } from './kind-rules.js';
import { assignerFor, type Setter, typeDefaulter } from './type-defaults.js';

/**
 * Defaults as the reference applies them on decode: first those of the kind, then those of every type below it. Both are
 * compiled once from the facts; rules in words (they begin with `=`) are small functions, and a rule without its function
 * is an error at compile time.
 */

type Defaulter = (object: KubeObject) => void;

const compiled = new Map<string, Defaulter>();
const nothing: Setter = () => {};

/** Fills in the defaults of an object of this resource, in place. */
export function defaulterFor(resource: Pick<ResourceFacts, 'group' | 'version' | 'kind' | 'type'>): Defaulter {
  const key = kindKey(resource.group, resource.version, resource.kind);
  let defaulter = compiled.get(key);
  if (defaulter === undefined) {
    const ofKind = kindSetters(key);
    const ofTypes = typeDefaulter(resource.type) ?? nothing;
    defaulter = (object) => {
      for (const set of ofKind) set(object);
      ofTypes(object);
    };
    compiled.set(key, defaulter);
  }
  return defaulter;
}

function kindSetters(key: string): Setter[] {
  const facts = ownValue(defaultsFacts().kinds, key) ?? {};
  const rules = ownValue(kindRules, key) ?? {};
  const setters: Setter[] = [];
  for (const [path, value] of Object.entries(facts)) {
    const rule = ownValue(rules, path);
    if (rule !== undefined) setters.push(rule);
    else if (typeof value !== 'string' || !value.startsWith('=')) setters.push(pathSetter(path, value));
    else if (!followsFromTypes(value)) throw new Error(`no code for the default of ${key} ${path}: ${value}`);
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
  const assign = assignerFor(last, value, false);
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
