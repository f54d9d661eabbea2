import { describeRules } from '../../../testing/rule-table.js';
import { priorityLevelConfigurationValidator } from './priority-level-configuration.validation.js';

const queuing = 'spec.limited.limitResponse.queuing';
const onlyExempt = "must be 'Exempt' if and only if `name` is 'exempt'";

describeRules({
  path: 'flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations',
  validator: priorityLevelConfigurationValidator,
  valid: {
    spec: {
      type: 'Limited',
      limited: {
        nominalConcurrencyShares: 20,
        limitResponse: { type: 'Queue', queuing: { queues: 64, handSize: 6, queueLengthLimit: 50 } },
      },
    },
  },
  rows: {
    'the annotation flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares is forbidden': [
      {
        create: (level) =>
          (level.metadata = { annotations: { 'flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares': '' } }),
        errors: [
          "metadata.annotations: Forbidden: annotation 'flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares' is forbidden",
        ],
      },
    ],
    'type is one of Exempt, Limited, and Exempt only for the object named exempt': [
      {
        create: (level) => (level.spec = { type: 'Exempt' }),
        errors: [`spec.type: Invalid value: "Exempt": ${onlyExempt}`],
      },
      { create: (level) => (level.spec = {}), errors: ['spec.type: Required value'] },
      {
        create: (level) => (level.spec = { type: 'Free' }),
        errors: ['spec.type: Unsupported value: "Free": supported values: "Exempt", "Limited"'],
      },
    ],
    'limited is set exactly for Limited, exempt only for Exempt': [
      {
        create: ({ spec }) => Object.assign(spec, { limited: undefined, exempt: {} }),
        errors: ['spec.exempt: Forbidden', 'spec.limited: Required value'],
      },
    ],
    'limitResponse.type is one of Queue, Reject; queuing is set exactly for Queue': [
      {
        create: ({ spec }) => (spec.limited.limitResponse = { type: 'Queue' }),
        errors: [`${queuing}: Required value`],
      },
      {
        create: ({ spec }) => (spec.limited.limitResponse.type = 'Reject'),
        errors: [`${queuing}: Forbidden`],
      },
      {
        create: ({ spec }) => (spec.limited.limitResponse = { type: 'Wait' }),
        errors: ['spec.limited.limitResponse.type: Unsupported value: "Wait": supported values: "Queue", "Reject"'],
      },
    ],
    'nominalConcurrencyShares and borrowingLimitPercent are not negative, lendablePercent is 0 to 100': [
      {
        create: ({ spec }) =>
          Object.assign(spec.limited, {
            nominalConcurrencyShares: -1,
            lendablePercent: 101,
            borrowingLimitPercent: -1,
          }),
        errors: [
          'spec.limited.nominalConcurrencyShares: Invalid value: -1: must be a non-negative integer',
          'spec.limited.lendablePercent: Invalid value: 101: must be between 0 and 100, inclusive',
          'spec.limited.borrowingLimitPercent: Invalid value: -1: if specified, must be a non-negative integer',
        ],
      },
      {
        create: (level) => {
          level.metadata = { name: 'exempt' };
          level.spec = { type: 'Exempt', exempt: { nominalConcurrencyShares: -1, lendablePercent: -1 } };
        },
        errors: [
          'spec.exempt.nominalConcurrencyShares: Invalid value: -1: must be a non-negative integer',
          'spec.exempt.lendablePercent: Invalid value: -1: must be between 0 and 100, inclusive',
        ],
      },
    ],
    'queuing: queueLengthLimit is positive, queues is 1 to 10000000, handSize is 1 to queues and small enough for the hash':
      [
        {
          create: ({ spec }) =>
            (spec.limited.limitResponse.queuing = { queues: -1, handSize: -1, queueLengthLimit: -1 }),
          errors: [
            `${queuing}.queueLengthLimit: Invalid value: -1: must be positive`,
            `${queuing}.queues: Invalid value: -1: must be positive`,
            `${queuing}.handSize: Invalid value: -1: must be positive`,
          ],
        },
        {
          create: ({ spec }) => (spec.limited.limitResponse.queuing.handSize = 65),
          errors: [`${queuing}.handSize: Invalid value: 65: should not be greater than queues (64)`],
        },
        {
          create: ({ spec }) => Object.assign(spec.limited.limitResponse.queuing, { queues: 10_000_001, handSize: 3 }),
          errors: [
            `${queuing}.queues: Invalid value: 10000001: must not be greater than 10000000`,
            `${queuing}.handSize: Invalid value: 3: required entropy bits of deckSize 10000001 and handSize 3 should not be greater than 60`,
          ],
        },
      ],
    'exempt, but for its shares, and catch-all have a fixed spec': [
      {
        create: (level) => {
          level.metadata = { name: 'exempt' };
          level.spec = { type: 'Exempt', exempt: { nominalConcurrencyShares: 5 } };
        },
        errors: [],
      },
      {
        create: (level) => (level.metadata = { name: 'catch-all' }),
        errors: [
          `spec: Invalid value: {"Type":"Limited","Limited":{"NominalConcurrencyShares":20,"LimitResponse":{"Type":"Queue","Queuing":{"Queues":64,"HandSize":6,"QueueLengthLimit":50}},"LendablePercent":0,"BorrowingLimitPercent":null},"Exempt":null}: spec of 'catch-all' must equal the fixed value`,
        ],
      },
    ],
    'status: types of conditions are set and unique': [
      {
        endpoint: 'status',
        update: (level) => (level.status = { conditions: [{}] }),
        errors: ['status.conditions[0].type: Required value'],
      },
    ],
  },
});
