import { cachedLabelMatcher, type KubeObject, type LabelSelector } from '#apimachinery';
import type { Informer } from '#client';

/**
 * Indexes that control loops share: who controls an object, which objects a selector chooses, and which selectors choose an
 * object. Each informer has one of a kind, made on first use; a look-up costs what it finds, not what a namespace holds.
 */

const BY_CONTROLLER = 'controller';
const BY_LABEL = 'label';
const ORPHANS_BY_LABEL = 'orphan-label';
const BY_SELECTOR = 'selector';

/** Objects that the owner with this uid controls. */
export function controlledBy<T extends KubeObject>(informer: Informer<T>, uid: string): T[] {
  informer.addIndex(BY_CONTROLLER, (object) => {
    const controller = object.metadata.ownerReferences?.find((reference) => reference.controller);
    return controller ? [controller.uid] : [];
  });
  return informer.byIndex(BY_CONTROLLER, uid);
}

/** Objects of the namespace that the selector chooses. A selector that cannot be read chooses none. */
export function selectedBy<T extends KubeObject>(
  informer: Informer<T>,
  namespace: string,
  selector: LabelSelector | undefined,
): T[] {
  return selectedIn(BY_LABEL, informer, namespace, selector);
}

/** Objects of the namespace that the selector chooses and nobody controls: of an owner's many pods, none is looked at. */
function orphansSelectedBy<T extends KubeObject>(
  informer: Informer<T>,
  namespace: string,
  selector: LabelSelector | undefined,
): T[] {
  return selectedIn(ORPHANS_BY_LABEL, informer, namespace, selector).filter(isOrphan);
}

function selectedIn<T extends KubeObject>(
  index: typeof BY_LABEL | typeof ORPHANS_BY_LABEL,
  informer: Informer<T>,
  namespace: string,
  selector: LabelSelector | undefined,
): T[] {
  const matches = labelMatcher(selector);
  if (!selector || !matches) return [];
  informer.addIndex(index, (object) =>
    index === ORPHANS_BY_LABEL && !isOrphan(object)
      ? []
      : pairsOf(object.metadata.labels).map((pair) => `${namespaceOf(object)}/${pair}`),
  );
  const pairs = requiredPairs(selector).map((pair) => `${namespace}/${pair}`);
  const count = (pair: string) => informer.countByIndex(index, pair);
  const rarest = pairs.reduce<string | undefined>(
    (best, pair) => (best === undefined || count(pair) < count(best) ? pair : best),
    undefined,
  );
  const candidates = rarest === undefined ? informer.list(namespace) : informer.byIndex(index, rarest);
  return candidates.filter((object) => matches(object.metadata.labels));
}

function isOrphan(object: KubeObject): boolean {
  return !object.metadata.ownerReferences?.some((reference) => reference.controller);
}

/** What an owner may claim: the objects that it controls and, of its namespace, those that it selects and nobody controls. */
export function claimable<T extends KubeObject>(
  informer: Informer<T>,
  owner: KubeObject,
  selector: LabelSelector | undefined,
): T[] {
  const orphans = orphansSelectedBy(informer, namespaceOf(owner), selector);
  return [...controlledBy(informer, owner.metadata.uid!), ...orphans];
}

/** Where an owner keeps its selector; undefined when it selects nothing. Must return the same object for the same owner. */
export type SelectorOf<O extends KubeObject> = (owner: O) => LabelSelector | undefined;

/** Owners in the object's namespace whose selectors choose it. `selectorOf` must be the same for all users of the informer. */
export function selecting<O extends KubeObject>(
  owners: Informer<O>,
  selectorOf: SelectorOf<O>,
  { metadata: { namespace = '', labels } }: KubeObject,
): O[] {
  owners.addIndex(BY_SELECTOR, (owner) => {
    const selector = selectorOf(owner);
    return selector ? [`${namespaceOf(owner)}/${mostSpecific(requiredPairs(selector))}`] : [];
  });
  // Selectors that require no pair are all under the empty one.
  return ['', ...pairsOf(labels)]
    .flatMap((pair) => owners.byIndex(BY_SELECTOR, `${namespace}/${pair}`))
    .filter((owner) => labelMatcher(selectorOf(owner))?.(labels));
}

/** A LabelSelector as a function; undefined when it cannot be read: such an owner is left alone. */
export function labelMatcher(
  selector: LabelSelector | undefined,
): ((labels: Record<string, string> | undefined) => boolean) | undefined {
  try {
    const matcher = cachedLabelMatcher(selector);
    return (labels) => matcher.matches(labels ?? {});
  } catch {
    return undefined;
  }
}

const equalities = new WeakMap<Record<string, string>, LabelSelector>();

/** The selector that a plain map of labels stands for: those of Services and ReplicationControllers. */
export function equalitySelector(labels: Record<string, string> | undefined): LabelSelector | undefined {
  if (!labels) return undefined;
  let selector = equalities.get(labels);
  if (!selector) {
    selector = { matchLabels: labels };
    equalities.set(labels, selector);
  }
  return selector;
}

function namespaceOf(object: KubeObject): string {
  return object.metadata.namespace ?? '';
}

function pairsOf(labels: Record<string, string> | undefined): string[] {
  return Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`);
}

/** The pairs that every chosen object has among its labels. */
function requiredPairs({ matchLabels, matchExpressions }: LabelSelector): string[] {
  const single = (matchExpressions ?? []).filter(({ operator, values }) => operator === 'In' && values?.length === 1);
  return [...pairsOf(matchLabels), ...single.map(({ key, values }) => `${key}=${values![0]}`)];
}

/** The pair with the longest value: names and hashes tell more apart than `app=web` does. Empty when there is none. */
function mostSpecific(pairs: readonly string[]): string {
  const length = (pair: string) => pair.length - pair.indexOf('=');
  return pairs.reduce((best, pair) => (best === '' || length(pair) > length(best) ? pair : best), '');
}
