import { semanticEqual } from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import type {
  LimitedPriorityLevelConfiguration,
  LimitResponse,
  PriorityLevelConfiguration,
  PriorityLevelConfigurationSpec,
  QueuingConfiguration,
} from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import { goStruct } from '../../../validation/go-struct.js';
import { checkFlowConditions } from '../flow-conditions.validation.js';

/** Of an older version: it says that a zero is meant. */
const ZERO_SHARES = 'flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares';
const EXEMPT = 'exempt';
const types = ['Exempt', 'Limited'];
const responses = ['Queue', 'Reject'];
const MAX_QUEUES = 10_000_000;
/** Of the hash by which a flow gets its hand of queues. */
const MAX_HASH_BITS = 60;

/** Levels that are always there, and always the same; of the exempt one the shares are the administrator's. */
const mandatory: ReadonlyMap<string, PriorityLevelConfigurationSpec> = new Map([
  [EXEMPT, { type: 'Exempt' }],
  [
    'catch-all',
    {
      type: 'Limited',
      limited: { nominalConcurrencyShares: 5, lendablePercent: 0, limitResponse: { type: 'Reject' } },
    },
  ],
]);

export const priorityLevelConfigurationValidator: KindValidator = {
  rules: [
    'the annotation flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares is forbidden',
    'type is one of Exempt, Limited, and Exempt only for the object named exempt',
    'limited is set exactly for Limited, exempt only for Exempt',
    'limitResponse.type is one of Queue, Reject; queuing is set exactly for Queue',
    'nominalConcurrencyShares and borrowingLimitPercent are not negative, lendablePercent is 0 to 100',
    'queuing: queueLengthLimit is positive, queues is 1 to 10000000, handSize is 1 to queues and small enough for the hash',
    'exempt, but for its shares, and catch-all have a fixed spec',
    'status: types of conditions are set and unique',
  ],
  validateCreate: check,
  validateUpdate(level: PriorityLevelConfiguration, _old: PriorityLevelConfiguration, { subresource }) {
    if (subresource !== 'status') return check(level);
    const at = new FieldCursor('status');
    checkFlowConditions(at, level.status?.conditions);
    return at.all();
  },
};

function check({ metadata, spec, status }: PriorityLevelConfiguration) {
  const at = new FieldCursor();
  const name = metadata.name ?? '';
  if (metadata.annotations?.[ZERO_SHARES] !== undefined) {
    at.forbidden('metadata.annotations', `annotation '${ZERO_SHARES}' is forbidden`);
  }
  at.within('spec', () => {
    checkSpec(at, name, spec);
    checkFixed(at, name, spec);
  });
  at.within('status', () => checkFlowConditions(at, status?.conditions));
  return at.all();
}

function checkSpec(at: FieldCursor, name: string, { type, exempt, limited }: PriorityLevelConfigurationSpec): void {
  if ((name === EXEMPT) !== (type === 'Exempt')) {
    at.invalid('type', type ?? '', "must be 'Exempt' if and only if `name` is 'exempt'");
  }
  at.declared(() => {
    if (type !== 'Exempt' && exempt !== undefined) at.forbidden('exempt');
    if (type !== 'Limited' && limited !== undefined) at.forbidden('limited');
    if (type === 'Limited' && limited === undefined) at.required('limited');
    if (!type) at.required('type');
  });
  if (type === 'Exempt' && exempt !== undefined) {
    at.within('exempt', () => checkShares(at, exempt.nominalConcurrencyShares, exempt.lendablePercent));
  } else if (type === 'Limited' && limited !== undefined) at.within('limited', () => checkLimited(at, limited));
  else if (type) at.optionalChoice('type', type, types);
}

function checkLimited(at: FieldCursor, limited: LimitedPriorityLevelConfiguration): void {
  const { nominalConcurrencyShares, limitResponse, lendablePercent, borrowingLimitPercent: borrowing } = limited;
  checkShares(at, nominalConcurrencyShares, undefined);
  at.within('limitResponse', () => checkResponse(at, limitResponse ?? {}));
  checkShares(at, undefined, lendablePercent);
  if (borrowing !== undefined && borrowing < 0) {
    at.invalid('borrowingLimitPercent', borrowing, 'if specified, must be a non-negative integer');
  }
}

function checkShares(at: FieldCursor, shares: number | undefined, lendable: number | undefined): void {
  if (shares !== undefined && shares < 0) {
    at.invalid('nominalConcurrencyShares', shares, 'must be a non-negative integer');
  }
  at.range('lendablePercent', lendable, 0, 100);
}

function checkResponse(at: FieldCursor, { type, queuing }: LimitResponse): void {
  at.declared(() => {
    if (type !== 'Queue' && queuing !== undefined) at.forbidden('queuing');
    if (type === 'Queue' && queuing === undefined) at.required('queuing');
    if (!type) at.required('type');
  });
  if (type === 'Queue' && queuing !== undefined) at.within('queuing', () => checkQueuing(at, queuing));
  else if (type) at.optionalChoice('type', type, responses);
}

function checkQueuing(at: FieldCursor, queuing: QueuingConfiguration): void {
  const { queueLengthLimit: limit = 0, queues = 0, handSize = 0 } = queuing;
  if (limit <= 0) at.invalid('queueLengthLimit', limit, 'must be positive');
  if (queues <= 0) at.invalid('queues', queues, 'must be positive');
  else if (queues > MAX_QUEUES) at.invalid('queues', queues, `must not be greater than ${MAX_QUEUES}`);
  if (handSize <= 0) at.invalid('handSize', handSize, 'must be positive');
  else if (handSize > queues) at.invalid('handSize', handSize, `should not be greater than queues (${queues})`);
  else if (Math.ceil(Math.log2(queues) * handSize) > MAX_HASH_BITS) {
    const text = `required entropy bits of deckSize ${queues} and handSize ${handSize} should not be greater than ${MAX_HASH_BITS}`;
    at.invalid('handSize', handSize, text);
  }
}

function checkFixed(at: FieldCursor, name: string, spec: PriorityLevelConfigurationSpec): void {
  const fixed = mandatory.get(name);
  if (fixed === undefined) return;
  const { exempt: _, ...rest } = spec;
  if (semanticEqual(name === EXEMPT ? rest : spec, fixed)) return;
  const except = name === EXEMPT ? " except the 'spec.exempt' field" : '';
  at.invalid('', shownSpec(spec), `spec of '${name}'${except} must equal the fixed value`);
}

/** As the reference prints it in an error. */
function shownSpec({ type, limited, exempt }: PriorityLevelConfigurationSpec): Map<string, unknown> {
  const shownLimited = (of: LimitedPriorityLevelConfiguration): Map<string, unknown> => {
    const { limitResponse: response } = of;
    const queuing = response?.queuing ? goStruct('Queues HandSize QueueLengthLimit', response.queuing) : null;
    return new Map<string, unknown>([
      ['NominalConcurrencyShares', of.nominalConcurrencyShares ?? 0],
      [
        'LimitResponse',
        new Map<string, unknown>([
          ['Type', response?.type ?? ''],
          ['Queuing', queuing],
        ]),
      ],
      ['LendablePercent', of.lendablePercent ?? null],
      ['BorrowingLimitPercent', of.borrowingLimitPercent ?? null],
    ]);
  };
  return new Map<string, unknown>([
    ['Type', type ?? ''],
    ['Limited', limited ? shownLimited(limited) : null],
    ['Exempt', exempt ? goStruct('NominalConcurrencyShares LendablePercent', exempt) : null],
  ]);
}
