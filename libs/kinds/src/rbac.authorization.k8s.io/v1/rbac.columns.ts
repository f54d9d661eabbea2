import { age, nameOf } from '../../columns/cells.js';
import type { Cells } from '../../contract/kind-module.js';
import type { Subject } from '../../generated/types.js';

export const bindingCells: Cells = (object, now) => {
  const subjects: Subject[] = object.subjects ?? [];
  const of = (kind: string, text: (subject: Subject) => string): string =>
    subjects
      .filter((subject) => subject.kind === kind)
      .map(text)
      .join(', ');
  return [
    nameOf(object),
    `${object.roleRef.kind}/${object.roleRef.name}`,
    age(object, now),
    of('User', ({ name }) => name),
    of('Group', ({ name }) => name),
    of('ServiceAccount', ({ namespace, name }) => `${namespace}/${name}`),
  ];
};
