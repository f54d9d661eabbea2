import { deepEqual, quote } from '#apimachinery';
import {
  type CustomResourceDefinition,
  type CustomResourceDefinitionNames,
  conditionOf,
  type DefinitionCondition,
  isSameCondition,
  setCondition,
} from '#kinds';

/** Which of the names that a definition asks for it gets: facts of apiextensions-apiserver's naming controller. Pure. */

/** Names of a group that somebody has. */
export interface TakenNames {
  /** Plural, singular and short ones. */
  readonly resources: Names;
  /** Kinds of objects and of lists. */
  readonly kinds: Names;
}

type Names = Pick<ReadonlySet<string>, 'has'>;

/** Whether there is something to decide: the definition asks for other names than it has. */
export function wantsNames({ spec, status }: CustomResourceDefinition): boolean {
  return !deepEqual(spec.names, status?.acceptedNames ?? {});
}

/** The definition with the names that it gets and the conditions that say so, in place; false when there is nothing new. */
export function acceptNames(crd: CustomResourceDefinition, taken: TakenNames, now: string): boolean {
  if (!wantsNames(crd)) return false;
  const before = crd.status?.acceptedNames;
  const { accepted, condition } = settled(crd.spec.names, before ?? ({} as CustomResourceDefinitionNames), taken);
  if (deepEqual(accepted, before ?? {}) && isSameCondition(condition, conditionOf(crd, 'NamesAccepted'))) return false;
  crd.status = { ...crd.status, acceptedNames: accepted };
  setCondition(crd, condition, now);
  const established = conditionOf(crd, 'Established');
  if (established?.status === 'True') return true;
  if (condition.status === 'True') setCondition(crd, INSTALLING, now);
  else if (established === undefined) setCondition(crd, NOT_ACCEPTED, now);
  return true;
}

const NOT_ACCEPTED: DefinitionCondition = {
  type: 'Established',
  status: 'False',
  reason: 'NotAccepted',
  message: 'not all names are accepted',
};

const INSTALLING: DefinitionCondition = {
  type: 'Established',
  status: 'False',
  reason: 'Installing',
  message: 'the initial names have been accepted',
};

const SINGLE_NAMES = [
  ['plural', 'PluralConflict', 'resources'],
  ['singular', 'SingularConflict', 'resources'],
  ['shortNames', 'ShortNamesConflict', 'resources'],
  ['kind', 'KindConflict', 'kinds'],
  ['listKind', 'ListKindConflict', 'kinds'],
] as const;

/** Every name is taken by itself; of several conflicts the last one is told. */
function settled(
  wanted: CustomResourceDefinitionNames,
  had: CustomResourceDefinitionNames,
  taken: TakenNames,
): { accepted: CustomResourceDefinitionNames; condition: DefinitionCondition } {
  const accepted: CustomResourceDefinitionNames = { ...had };
  let conflict: Pick<DefinitionCondition, 'reason' | 'message'> | undefined;
  for (const [part, reason, where] of SINGLE_NAMES) {
    // own-lookup: names of the type
    const [asked, own] = [wanted[part], had[part]].map((names) => [names ?? []].flat());
    // own-lookup: as above
    const used = asked!.filter((name) => !own!.includes(name) && taken[where].has(name));
    if (used.length > 0) conflict = { reason, message: conflictText(used) };
    // own-lookup: as above
    else Object.assign(accepted, { [part]: wanted[part] });
  }
  accepted.categories = wanted.categories;
  for (const part of ['shortNames', 'categories'] as const) if (!accepted[part]?.length) delete accepted[part];
  const condition: DefinitionCondition = conflict
    ? { type: 'NamesAccepted', status: 'False', ...conflict }
    : { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found' };
  return { accepted, condition };
}

function conflictText(names: readonly string[]): string {
  const texts = [...new Set(names)].map((name) => `${quote(name)} is already in use`);
  return texts.length === 1 ? texts[0]! : `[${texts.join(', ')}]`;
}
