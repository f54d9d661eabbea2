import assert from 'node:assert/strict';
import { createErrors, updated, words } from '../../../testing/spec-support.js';

const long = (count: number, character = 'x') => character.repeat(count);
const MT = '2026-01-01T00:00:00.000000Z';
const cv = (more: object = {}) => ({
  eventTime: MT,
  involvedObject: { namespace: 'ns' },
  reportingComponent: 'a.b/c',
  reportingInstance: 'i',
  action: 'A',
  reason: 'R',
  type: 'Normal',
  ...more,
});
const ev = (more: object = {}) => ({
  eventTime: MT,
  regarding: { namespace: 'ns' },
  reportingController: 'a.b/c',
  reportingInstance: 'i',
  action: 'A',
  reason: 'R',
  type: 'Normal',
  ...more,
});

/** The errors are those that the reference gives for the same object. */
const creates: [path: string, body: any, errors: string[]][] = [
  ['v1/events', { metadata: { finalizers: ['mine'] }, involvedObject: { namespace: 'ns' } }, []],
  [
    'events.k8s.io/v1/events',
    ev({ metadata: { finalizers: ['mine'] } }),
    [`metadata.finalizers[0]: Invalid value: "mine": ${words.standardFinalizer}`],
  ],
  ['v1/events', {}, ['involvedObject.namespace: Invalid value: "": does not match event.namespace']],
  ['v1/events', { metadata: { name: 'A_b c' }, involvedObject: { namespace: 'ns' } }, []],
  ['v1/events', { metadata: { namespace: 'default' } }, []],
  [
    'v1/events',
    { metadata: { namespace: 'kube-system' } },
    ['involvedObject.namespace: Invalid value: "": does not match event.namespace'],
  ],
  [
    'v1/events',
    { involvedObject: { namespace: 'other' } },
    ['involvedObject.namespace: Invalid value: "other": does not match event.namespace'],
  ],
  ['v1/events', { involvedObject: { namespace: 'ns' }, type: 'Odd', count: -1, reason: '' }, []],
  ['v1/events', cv(), []],
  [
    'v1/events',
    cv({ involvedObject: {} }),
    ['involvedObject.namespace: Invalid value: "": does not match event.namespace'],
  ],
  ['v1/events', cv({ involvedObject: { namespace: 'other' } }), []],
  ['v1/events', cv({ metadata: { namespace: 'kube-system' }, involvedObject: {} }), []],
  ['v1/events', cv({ metadata: { namespace: 'default' }, involvedObject: {} }), []],
  [
    'v1/events',
    cv({ reportingComponent: '', reportingInstance: '', action: '', reason: '' }),
    [
      'reportingComponent: Required value',
      'reportingComponent: Invalid value: "": name part must be non-empty',
      `reportingComponent: Invalid value: "": ${words.namePart}`,
      'reportingInstance: Required value',
      'action: Required value',
      'reason: Required value',
    ],
  ],
  [
    'v1/events',
    cv({
      reportingComponent: 'a b',
      reportingInstance: long(129),
      action: long(129),
      reason: long(129),
      message: long(1025),
    }),
    [
      `reportingComponent: Invalid value: "a b": ${words.namePart}`,
      'reportingInstance: Invalid value: "": can have at most 128 characters',
      'action: Invalid value: "": can have at most 128 characters',
      'reason: Invalid value: "": can have at most 128 characters',
      'message: Invalid value: "": can have at most 1024 characters',
    ],
  ],
  [
    'v1/events',
    cv({ reportingInstance: 'é'.repeat(65), message: 'é'.repeat(512) }),
    ['reportingInstance: Invalid value: "": can have at most 128 characters'],
  ],
  ['v1/events', cv({ series: { count: 1 } }), []],
  [
    'events.k8s.io/v1/events',
    {},
    [
      'involvedObject.namespace: Invalid value: "": does not match event.namespace',
      'eventTime: Required value',
      'type: Invalid value: "": has invalid value: ',
    ],
  ],
  ['events.k8s.io/v1/events', ev(), []],
  [
    'events.k8s.io/v1/events',
    ev({ metadata: { name: 'A b' } }),
    [`metadata.name: Invalid value: "A b": ${words.subdomain}`],
  ],
  ['events.k8s.io/v1/events', ev({ type: 'Odd' }), ['type: Invalid value: "": has invalid value: Odd']],
  ['events.k8s.io/v1/events', ev({ type: '' }), ['type: Invalid value: "": has invalid value: ']],
  [
    'events.k8s.io/v1/events',
    ev({ regarding: {} }),
    ['involvedObject.namespace: Invalid value: "": does not match event.namespace'],
  ],
  ['events.k8s.io/v1/events', ev({ regarding: { namespace: 'other' } }), []],
  [
    'events.k8s.io/v1/events',
    ev({ reportingController: '', reportingInstance: '', action: '', reason: '' }),
    [
      'reportingController: Required value',
      'reportingController: Invalid value: "": name part must be non-empty',
      `reportingController: Invalid value: "": ${words.namePart}`,
      'reportingInstance: Required value',
      'action: Required value',
      'reason: Required value',
    ],
  ],
  [
    'events.k8s.io/v1/events',
    ev({
      reportingController: 'a b',
      reportingInstance: long(129),
      action: long(129),
      reason: long(129),
      note: long(1025),
    }),
    [
      `reportingController: Invalid value: "a b": ${words.namePart}`,
      'reportingInstance: Invalid value: "": can have at most 128 characters',
      'action: Invalid value: "": can have at most 128 characters',
      'reason: Invalid value: "": can have at most 128 characters',
      'message: Invalid value: "": can have at most 1024 characters',
    ],
  ],
  [
    'events.k8s.io/v1/events',
    ev({ series: {} }),
    ['series.count: Invalid value: "": should be at least 2', 'series.lastObservedTime: Required value'],
  ],
  [
    'events.k8s.io/v1/events',
    ev({ series: { count: 1, lastObservedTime: MT } }),
    ['series.count: Invalid value: "": should be at least 2'],
  ],
  ['events.k8s.io/v1/events', ev({ series: { count: 2, lastObservedTime: MT } }), []],
  [
    'events.k8s.io/v1/events',
    ev({
      deprecatedFirstTimestamp: '2026-01-01T00:00:00Z',
      deprecatedLastTimestamp: '2026-01-01T00:00:00Z',
      deprecatedCount: 2,
      deprecatedSource: { component: 'x' },
    }),
    [
      'firstTimestamp: Invalid value: "": needs to be unset',
      'lastTimestamp: Invalid value: "": needs to be unset',
      'count: Invalid value: "": needs to be unset',
      'source: Invalid value: "": needs to be unset',
    ],
  ],
  [
    'events.k8s.io/v1/events',
    ev({ deprecatedSource: { host: 'x' }, eventTime: null }),
    ['eventTime: Required value', 'source: Invalid value: "": needs to be unset'],
  ],
  [
    'events.k8s.io/v1/events',
    { regarding: { namespace: 'ns' } },
    ['eventTime: Required value', 'type: Invalid value: "": has invalid value: '],
  ],
];

describe('creates', () => {
  for (const [path, body, errors] of creates) {
    it(`of ${path} ${JSON.stringify(body).slice(0, 90)}`, () => assert.deepEqual(createErrors(path, body), errors));
  }
});

const updates: [path: string, body: any, change: (object: any) => void, errors: string[]][] = [
  [
    'v1/events',
    { involvedObject: { namespace: 'ns' } },
    (e) => {
      e.involvedObject.namespace = 'other';
    },
    ['involvedObject.namespace: Invalid value: "other": does not match event.namespace'],
  ],
  [
    'v1/events',
    { involvedObject: { namespace: 'ns' } },
    (e) => {
      e.eventTime = MT;
    },
    [
      'reportingComponent: Required value',
      'reportingComponent: Invalid value: "": name part must be non-empty',
      `reportingComponent: Invalid value: "": ${words.namePart}`,
      'reportingInstance: Required value',
      'action: Required value',
      'reason: Required value',
    ],
  ],
  [
    'v1/events',
    cv(),
    (e) => {
      e.reason = '';
      e.type = 'x';
      e.series = { count: 0 };
    },
    ['reason: Required value'],
  ],
  [
    'events.k8s.io/v1/events',
    ev(),
    (e) => {
      e.regarding.name = 'x';
    },
    [
      'involvedObject: Invalid value: {"Kind":"","Namespace":"ns","Name":"x","UID":"","APIVersion":"","ResourceVersion":"","FieldPath":""}: field is immutable',
    ],
  ],
  [
    'events.k8s.io/v1/events',
    ev(),
    (e) => {
      e.reason = 'Other';
    },
    ['reason: Invalid value: "Other": field is immutable'],
  ],
  [
    'events.k8s.io/v1/events',
    ev(),
    (e) => {
      e.note = 'x';
    },
    ['message: Invalid value: "x": field is immutable'],
  ],
  [
    'events.k8s.io/v1/events',
    ev(),
    (e) => {
      e.deprecatedSource = { component: 'x' };
    },
    ['source: Invalid value: {"Component":"x","Host":""}: field is immutable'],
  ],
  [
    'events.k8s.io/v1/events',
    ev(),
    (e) => {
      e.deprecatedFirstTimestamp = '2026-01-01T00:00:00Z';
    },
    ['firstTimestamp: Invalid value: "2026-01-01T00:00:00Z": field is immutable'],
  ],
  [
    'events.k8s.io/v1/events',
    ev(),
    (e) => {
      e.deprecatedLastTimestamp = '2026-01-01T00:00:00Z';
    },
    ['lastTimestamp: Invalid value: "2026-01-01T00:00:00Z": field is immutable'],
  ],
  [
    'events.k8s.io/v1/events',
    ev(),
    (e) => {
      e.deprecatedCount = 3;
    },
    ['count: Invalid value: 3: field is immutable'],
  ],
  [
    'events.k8s.io/v1/events',
    ev(),
    (e) => {
      e.type = 'Warning';
    },
    ['type: Invalid value: "Warning": field is immutable'],
  ],
  [
    'events.k8s.io/v1/events',
    ev(),
    (e) => {
      e.eventTime = '2026-01-01T00:00:01.000000Z';
    },
    ['eventTime: Invalid value: "2026-01-01T00:00:01.000000Z": field is immutable'],
  ],
  [
    'events.k8s.io/v1/events',
    ev(),
    (e) => {
      e.eventTime = null;
    },
    ['eventTime: Invalid value: null: field is immutable'],
  ],
  [
    'events.k8s.io/v1/events',
    ev(),
    (e) => {
      e.action = 'B';
    },
    ['action: Invalid value: "B": field is immutable'],
  ],
  [
    'events.k8s.io/v1/events',
    ev(),
    (e) => {
      e.related = { name: 'x' };
    },
    [
      'related: Invalid value: {"Kind":"","Namespace":"","Name":"x","UID":"","APIVersion":"","ResourceVersion":"","FieldPath":""}: field is immutable',
    ],
  ],
  [
    'events.k8s.io/v1/events',
    ev(),
    (e) => {
      e.reportingController = 'x';
    },
    ['reportingController: Invalid value: "x": field is immutable'],
  ],
  [
    'events.k8s.io/v1/events',
    ev(),
    (e) => {
      e.reportingInstance = 'x';
    },
    ['reportingInstance: Invalid value: "x": field is immutable'],
  ],
  [
    'events.k8s.io/v1/events',
    ev(),
    (e) => {
      e.series = { count: 1 };
    },
    ['series.count: Invalid value: "": should be at least 2', 'series.lastObservedTime: Required value'],
  ],
  [
    'events.k8s.io/v1/events',
    ev(),
    (e) => {
      e.series = { count: 2, lastObservedTime: MT };
    },
    [],
  ],
  [
    'events.k8s.io/v1/events',
    ev(),
    (e) => {
      e.reason = '';
    },
    ['reason: Required value', 'reason: Invalid value: "": field is immutable'],
  ],
  [
    'events.k8s.io/v1/events',
    ev({ series: { count: 1 } }),
    (e) => {
      e.metadata.labels = { a: 'b' };
    },
    [],
  ],
  [
    'events.k8s.io/v1/events',
    ev({ series: { count: 2, lastObservedTime: MT } }),
    (e) => {
      delete e.series;
    },
    [],
  ],
];

describe('updates', () => {
  for (const [path, body, change, errors] of updates) {
    it(`of ${path} ${JSON.stringify(body).slice(0, 40)} by ${change}`, () =>
      assert.deepEqual(updated(path, body, change).errors, errors));
  }
});
