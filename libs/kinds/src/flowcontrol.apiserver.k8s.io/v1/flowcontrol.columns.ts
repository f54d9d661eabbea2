import { age, type Cells, conditionOf, nameOf, none } from '../../columns/cells.js';

const flowSchema: Cells = (object, now) => [
  nameOf(object),
  object.spec?.priorityLevelConfiguration?.name ?? '',
  object.spec?.matchingPrecedence ?? 0,
  object.spec?.distinguisherMethod?.type ?? none,
  age(object, now),
  conditionOf(object, 'Dangling')?.status ?? '?',
];

const priorityLevelConfiguration: Cells = (object, now) => {
  const { limited, type = '' } = object.spec ?? {};
  const queuing = limited?.limitResponse?.queuing;
  return [
    nameOf(object),
    type,
    limited?.nominalConcurrencyShares ?? none,
    queuing?.queues ?? none,
    queuing?.handSize ?? none,
    queuing?.queueLengthLimit ?? none,
    age(object, now),
  ];
};

export const flowcontrolCells: Readonly<Record<string, Cells>> = {
  FlowSchema: flowSchema,
  PriorityLevelConfiguration: priorityLevelConfiguration,
};
