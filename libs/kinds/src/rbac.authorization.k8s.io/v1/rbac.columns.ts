import { age, type Cells, nameOf } from '../../columns/cells.js';
import type { Subject } from '../../generated/types.js';

const nameAndCreation: Cells = (object) => [nameOf(object), object.metadata.creationTimestamp ?? null];

const binding: Cells = (object, now) => {
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

export const rbacCells: Readonly<Record<string, Cells>> = {
  ClusterRole: nameAndCreation,
  ClusterRoleBinding: binding,
  Role: nameAndCreation,
  RoleBinding: binding,
};
