import {
  appendAll,
  bare,
  deepEqual,
  type FieldError,
  type FieldPath,
  field,
  isQualifiedName,
  ownValue,
  type Path,
  semanticEqual,
} from '#apimachinery';
import { eventToStorage } from '../../events.k8s.io/v1/event.conversion.js';
import type { Event } from '../../generated/types.js';
import type { KindValidator } from '../../registry/kind-strategy.js';
import { formatErrors } from '../../validation/fields.js';

const maxCharacters = 128;
const maxNote = 1024;

/** core/v1 events: few rules, and stricter ones for those that have an eventTime. */
export const eventValidator: KindValidator = {
  rules: [
    'involvedObject.namespace must equal the namespace (or be empty with namespace default)',
    'with eventTime: reportingController (qualifiedName), reportingInstance (max 128), action (max 128), reason (max 128) required; note max 1024; type Normal or Warning',
  ],
  validateCreate: (event: Event) => legacyErrors(event, 'reportingComponent'),
  validateUpdate: (event: Event) => legacyErrors(event, 'reportingComponent'),
};

/** events.k8s.io/v1. Paths are those of the stored form, as upstream's are. */
export const newEventValidator: KindValidator = {
  rules: [
    'eventTime required; deprecated* fields must be unset',
    'type Normal or Warning',
    'immutable: everything but series and metadata',
  ],
  validateCreate(served) {
    const event = eventToStorage(served) as unknown as Event;
    const errors = legacyErrors(event, 'reportingController');
    appendAll(errors, seriesErrors(event));
    if (!event.eventTime) errors.push(field.required('eventTime'));
    if (event.type !== 'Normal' && event.type !== 'Warning') {
      errors.push(field.invalid('type', '', `has invalid value: ${event.type ?? ''}`));
    }
    const unset: [Path, unknown][] = [
      ['firstTimestamp', event.firstTimestamp],
      ['lastTimestamp', event.lastTimestamp],
      ['count', event.count],
      ['source', event.source?.component || event.source?.host],
    ];
    for (const [path, value] of unset) if (value) errors.push(field.invalid(path, '', 'needs to be unset'));
    return errors;
  },
  validateUpdate(served, servedOld) {
    const event: any = eventToStorage(served);
    const old: any = eventToStorage(servedOld);
    const errors = legacyErrors(event, 'reportingController');
    if (!deepEqual(event.series, old.series)) appendAll(errors, seriesErrors(event));
    for (const name of unchangeable) {
      const path = name === 'reportingComponent' ? 'reportingController' : name;
      if (!semanticEqual(event[name], old[name])) errors.push(field.immutable(path, shown(name, event[name])));
    }
    return errors;
  },
};

const unchangeable = [
  'involvedObject',
  'reason',
  'message',
  'source',
  'firstTimestamp',
  'lastTimestamp',
  'count',
  'type',
  'eventTime',
  'action',
  'related',
  'reportingComponent',
  'reportingInstance',
];

const reference = ['Kind', 'Namespace', 'Name', 'UID', 'APIVersion', 'ResourceVersion', 'FieldPath'];
const structs = bare<readonly string[]>({
  involvedObject: reference,
  related: reference,
  source: ['Component', 'Host'],
});

/** As the reference prints what it has in memory: structs have all their fields. */
function shown(name: string, value: any): unknown {
  const fields = structs[name];
  if (!fields || value === undefined) return value ?? null;
  const wire = (field: string) =>
    ownValue(value, field === 'UID' ? 'uid' : field === 'APIVersion' ? 'apiVersion' : lower(field));
  return new Map(fields.map((field) => [field, wire(field) ?? '']));
}

function lower(name: string): string {
  return name[0]!.toLowerCase() + name.slice(1);
}

function seriesErrors({ series }: Event): FieldError[] {
  if (series === undefined) return [];
  const errors: FieldError[] = [];
  if ((series.count ?? 0) < 2) errors.push(field.invalid('series.count', '', 'should be at least 2'));
  if (!series.lastObservedTime) errors.push(field.required('series.lastObservedTime'));
  return errors;
}

function legacyErrors(event: Event, controllerField: string): FieldError[] {
  const errors: FieldError[] = [];
  const involved = event.involvedObject?.namespace ?? '';
  const own = event.metadata.namespace ?? '';
  const mismatch = (): void => {
    errors.push(field.invalid('involvedObject.namespace', involved, 'does not match event.namespace'));
  };
  if (!event.eventTime) {
    if (involved === '' ? own !== '' && own !== 'default' : own !== involved) mismatch();
    return errors;
  }
  if (involved === '' && own !== 'default' && own !== 'kube-system') mismatch();
  const controller = event.reportingComponent ?? '';
  if (controller === '') errors.push(field.required(controllerField));
  appendAll(errors, formatErrors(isQualifiedName, controller, controllerField));
  appendAll(errors, textErrors(event.reportingInstance, 'reportingInstance', maxCharacters));
  appendAll(errors, textErrors(event.action, 'action', maxCharacters));
  appendAll(errors, textErrors(event.reason, 'reason', maxCharacters));
  if (Buffer.byteLength(event.message ?? '') > maxNote) errors.push(tooLong('message', maxNote));
  return errors;
}

function textErrors(text: string | undefined, path: string, max: number): FieldError[] {
  if (!text) return [field.required(path)];
  return Buffer.byteLength(text) > max ? [tooLong(path, max)] : [];
}

function tooLong(path: string | FieldPath, max: number): FieldError {
  return field.invalid(path, '', `can have at most ${max} characters`);
}
