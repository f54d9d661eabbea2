import assert from 'node:assert/strict';
import { createErrors, updated } from '../../../testing/spec-support.js';

const template = { spec: { containers: [{ name: 'web', image: 'nginx' }], restartPolicy: 'Never' } };

function good(path: string): any {
  if (path === 'batch/v1/jobs') return structuredClone({ spec: { template } });
  return structuredClone({ spec: { schedule: '*/5 * * * *', jobTemplate: { spec: { template } } } });
}

/** The errors are those that the reference gives for the same object. */
const cases: [path: string, what: string, mutate: (object: any) => void, errors: string[]][] = [
  [
    'batch/v1/jobs',
    'no policy, and a selector of its own',
    (object) => {
      delete object.spec.template.spec.restartPolicy;
      object.spec.selector = { matchLabels: { app: 'web' } };
    },
    [
      'spec.selector: Invalid value: {"matchLabels":{"app":"web","batch.kubernetes.io/controller-uid":"uid-1"}}: `selector` not auto-generated',
      'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
      'spec.template.metadata.labels: Invalid value: {"batch.kubernetes.io/controller-uid":"uid-1","batch.kubernetes.io/job-name":"it","controller-uid":"uid-1","job-name":"it"}: `selector` does not match template `labels`',
    ],
  ],
  [
    'batch/v1/jobs',
    'negative numbers',
    (object) => {
      Object.assign(object.spec, {
        parallelism: -1,
        completions: -1,
        activeDeadlineSeconds: -1,
        backoffLimit: -1,
        ttlSecondsAfterFinished: -1,
        backoffLimitPerIndex: -1,
        maxFailedIndexes: -1,
      });
    },
    [
      'spec.parallelism: Invalid value: -1: must be greater than or equal to 0',
      'spec.completions: Invalid value: -1: must be greater than or equal to 0',
      'spec.activeDeadlineSeconds: Invalid value: -1: must be greater than or equal to 0',
      'spec.backoffLimit: Invalid value: -1: must be greater than or equal to 0',
      'spec.ttlSecondsAfterFinished: Invalid value: -1: must be greater than or equal to 0',
      'spec.backoffLimitPerIndex: Invalid value: -1: must be greater than or equal to 0',
      'spec.maxFailedIndexes: Invalid value: -1: must be greater than or equal to 0',
      'spec.backoffLimitPerIndex: Invalid value: -1: requires indexed completion mode',
      'spec.maxFailedIndexes: Invalid value: -1: requires indexed completion mode',
    ],
  ],
  [
    'batch/v1/jobs',
    'indexes without number',
    (object) => {
      Object.assign(object.spec, { completionMode: 'Indexed', parallelism: 200000 });
    },
    [
      'spec.completions: Required value: when completion mode is Indexed',
      'spec.parallelism: Invalid value: 200000: must be less than or equal to 100000 when completion mode is Indexed',
    ],
  ],
  [
    'batch/v1/jobs',
    'too many indexes',
    (object) => {
      Object.assign(object.spec, {
        completionMode: 'Indexed',
        completions: 200000,
        parallelism: 20000,
        backoffLimitPerIndex: 1,
        maxFailedIndexes: 30000,
      });
    },
    [
      'spec.parallelism: Invalid value: 20000: must be less than or equal to 10000 when completions are above 100000 and used with backoff limit per index',
      'spec.maxFailedIndexes: Invalid value: 30000: must be less than or equal to 10000 when completions are above 100000 and used with backoff limit per index',
    ],
  ],
  [
    'batch/v1/jobs',
    'a mode that is none',
    (object) => {
      object.spec.completionMode = 'Odd';
      object.spec.managedBy = 'x';
      object.spec.podReplacementPolicy = 'X';
    },
    [
      'spec.managedBy: Invalid value: "x": must be a domain-prefixed path (such as "acme.io/foo")',
      'spec.completionMode: Unsupported value: "Odd": supported values: "NonIndexed", "Indexed"',
      'spec.podReplacementPolicy: Unsupported value: "X": supported values: "Failed", "TerminatingOrFailed"',
    ],
  ],
  [
    'batch/v1/jobs',
    'a long name for its indexes',
    (object) => {
      Object.assign(object.spec, { completionMode: 'Indexed', completions: 1 });
      object.metadata = { name: 'a'.repeat(63) };
    },
    [
      'metadata.name: Invalid value: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa": will not able to create pod with invalid DNS label: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-0',
    ],
  ],
  [
    'batch/v1/jobs',
    'failure rules',
    (object) => {
      object.spec.template.spec.restartPolicy = 'OnFailure';
      object.spec.podReplacementPolicy = 'TerminatingOrFailed';
      object.spec.podFailurePolicy = {
        rules: [
          { action: 'X' },
          { action: '', onExitCodes: { operator: 'In', values: [2, 1, 1, 0], containerName: 'gone' } },
          {
            action: 'FailIndex',
            onPodConditions: [{ type: 'a b', status: 'Maybe' }],
            onExitCodes: { operator: 'X', values: [] },
          },
        ],
      };
    },
    [
      'spec.podFailurePolicy.rules[0].action: Unsupported value: "X": supported values: "Count", "FailIndex", "FailJob", "Ignore"',
      'spec.podFailurePolicy.rules[0]: Invalid value: specifying one of OnExitCodes and OnPodConditions is required',
      'spec.podFailurePolicy.rules[1].action: Required value: valid values: ["Count" "FailIndex" "FailJob" "Ignore"]',
      'spec.podFailurePolicy.rules[1].onExitCodes.containerName: Invalid value: "gone": must be one of the container or initContainer names in the pod template',
      'spec.podFailurePolicy.rules[1].onExitCodes.values[2]: Duplicate value: 1',
      'spec.podFailurePolicy.rules[1].onExitCodes.values[3]: Invalid value: 0: must not be 0 for the In operator',
      'spec.podFailurePolicy.rules[1].onExitCodes.values: Invalid value: [2,1,1,0]: must be ordered',
      'spec.podFailurePolicy.rules[2].action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set',
      'spec.podFailurePolicy.rules[2].onExitCodes.operator: Unsupported value: "X": supported values: "In", "NotIn"',
      'spec.podFailurePolicy.rules[2].onExitCodes.values: Invalid value: []: at least one value is required',
      "spec.podFailurePolicy.rules[2].onPodConditions[0].type: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      'spec.podFailurePolicy.rules[2].onPodConditions[0].status: Unsupported value: "Maybe": supported values: "False", "True", "Unknown"',
      'spec.podFailurePolicy.rules[2]: Invalid value: specifying both OnExitCodes and OnPodConditions is not supported',
      'spec.podReplacementPolicy: Unsupported value: "TerminatingOrFailed": supported values: "Failed"',
      'spec.template.spec.restartPolicy: Invalid value: "OnFailure": only "Never" is supported when podFailurePolicy is specified',
    ],
  ],
  [
    'batch/v1/jobs',
    'success rules',
    (object) => {
      Object.assign(object.spec, {
        completionMode: 'Indexed',
        completions: 5,
        successPolicy: {
          rules: [
            {},
            { succeededIndexes: '0-2,9', succeededCount: 7 },
            { succeededIndexes: '3,1' },
            { succeededIndexes: '0-1', succeededCount: 3 },
            { succeededIndexes: 'a-b-c' },
          ],
        },
      });
    },
    [
      'spec.successPolicy.rules[0]: Required value: at least one of succeededCount or succeededIndexes must be specified',
      'spec.successPolicy.rules[1].succeededIndexes: Invalid value: "0-2,9": error parsing succeededIndexes: too large index: "9"',
      'spec.successPolicy.rules[1].succeededCount: Invalid value: 7: must be less than or equal to 5 (the number of specified completions)',
      'spec.successPolicy.rules[1].succeededCount: Invalid value: 7: must be less than or equal to 0 (the number of indexes in the specified succeededIndexes field)',
      'spec.successPolicy.rules[2].succeededIndexes: Invalid value: "3,1": error parsing succeededIndexes: non-increasing order, previous: 3, current: 1',
      'spec.successPolicy.rules[3].succeededCount: Invalid value: 3: must be less than or equal to 2 (the number of indexes in the specified succeededIndexes field)',
      'spec.successPolicy.rules[4].succeededIndexes: Invalid value: "a-b-c": error parsing succeededIndexes: the fragment "a-b-c" violates the requirement that an index interval can have at most two parts separated by \'-\'',
    ],
  ],
  [
    'batch/v1/jobs',
    'success rules without indexes',
    (object) => {
      object.spec.successPolicy = { rules: [{ succeededCount: 1 }] };
    },
    [
      'spec.successPolicy: Invalid value: {"Rules":[{"SucceededIndexes":null,"SucceededCount":1}]}: requires indexed completion mode',
    ],
  ],
  [
    'batch/v1/cronjobs',
    'nothing',
    (object) => {
      object.spec = {};
    },
    [
      'spec.schedule: Required value',
      'spec.jobTemplate.spec.template.spec.containers: Required value',
      'spec.jobTemplate.spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
    ],
  ],
  [
    'batch/v1/cronjobs',
    'four fields',
    (object) => {
      object.spec.schedule = '* * * *';
    },
    ['spec.schedule: Invalid value: "* * * *": expected exactly 5 fields, found 4: [* * * *]'],
  ],
  [
    'batch/v1/cronjobs',
    'fields out of range',
    (object) => {
      object.spec.schedule = '60 * * * *';
    },
    ['spec.schedule: Invalid value: "60 * * * *": end of range (60) above maximum (59): 60'],
  ],
  [
    'batch/v1/cronjobs',
    'a field that is no number',
    (object) => {
      object.spec.schedule = 'a * * * *';
    },
    [
      'spec.schedule: Invalid value: "a * * * *": failed to parse int from a: strconv.Atoi: parsing "a": invalid syntax',
    ],
  ],
  [
    'batch/v1/cronjobs',
    'a range the wrong way',
    (object) => {
      object.spec.schedule = '5-1 * * * *';
    },
    ['spec.schedule: Invalid value: "5-1 * * * *": beginning of range (5) beyond end of range (1): 5-1'],
  ],
  [
    'batch/v1/cronjobs',
    'a step of nothing',
    (object) => {
      object.spec.schedule = '*/0 * * * *';
    },
    ['spec.schedule: Invalid value: "*/0 * * * *": step of range should be a positive number: */0'],
  ],
  [
    'batch/v1/cronjobs',
    'a name that is none',
    (object) => {
      object.spec.schedule = '@often';
    },
    ['spec.schedule: Invalid value: "@often": unrecognized descriptor: @often'],
  ],
  [
    'batch/v1/cronjobs',
    'a zone in the schedule',
    (object) => {
      object.spec.schedule = 'TZ=UTC * * * * *';
    },
    [
      'spec.schedule: Invalid value: "TZ=UTC * * * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead',
    ],
  ],
  [
    'batch/v1/cronjobs',
    'a zone that is none',
    (object) => {
      object.spec.timeZone = 'Mars/Olympus';
      object.spec.concurrencyPolicy = 'Maybe';
      object.spec.startingDeadlineSeconds = -1;
    },
    [
      'spec.startingDeadlineSeconds: Invalid value: -1: must be greater than or equal to 0',
      'spec.timeZone: Invalid value: "Mars/Olympus": unknown time zone Mars/Olympus',
      'spec.concurrencyPolicy: Unsupported value: "Maybe": supported values: "Allow", "Forbid", "Replace"',
    ],
  ],
  [
    'batch/v1/cronjobs',
    'the zone of the machine',
    (object) => {
      object.spec.timeZone = 'Local';
      object.spec.successfulJobsHistoryLimit = -1;
      object.spec.failedJobsHistoryLimit = -1;
    },
    [
      'spec.timeZone: Invalid value: "Local": timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones',
      'spec.successfulJobsHistoryLimit: Invalid value: -1: must be greater than or equal to 0',
      'spec.failedJobsHistoryLimit: Invalid value: -1: must be greater than or equal to 0',
    ],
  ],
  [
    'batch/v1/cronjobs',
    'a selector',
    (object) => {
      object.spec.jobTemplate.spec.selector = { matchLabels: { app: 'web' } };
      object.spec.jobTemplate.spec.manualSelector = true;
    },
    [
      'spec.jobTemplate.spec.selector: Invalid value: {"matchLabels":{"app":"web"}}: `selector` will be auto-generated',
      'spec.jobTemplate.spec.manualSelector: Unsupported value: true: supported values: "nil", "false"',
    ],
  ],
];

describe('creates of workloads', () => {
  for (const [path, what, mutate, errors] of cases) {
    it(`of ${path} refuse ${what}`, () => {
      const object = good(path);
      mutate(object);
      assert.deepEqual(createErrors(path, object), errors);
    });
  }

  for (const path of new Set(cases.map(([path]) => path))) {
    it(`of good ${path} are taken`, () => assert.deepEqual(createErrors(path, good(path)), []));
  }
});

describe('an update of a suspended Job', () => {
  it('refuses a template without containers', () => {
    const suspended = { spec: { suspend: true, template } };
    const { errors } = updated('batch/v1/jobs', structuredClone(suspended), ({ spec }) => {
      // As the form in which such a template is kept.
      spec.template.spec.containers = null;
    });
    assert.deepEqual(
      errors.map((text) => text.slice(0, text.indexOf(': '))),
      ['spec.template.spec.containers', 'spec.template.spec'],
    );
  });
});
