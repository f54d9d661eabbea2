import { appendAll, bare, deepEqual, type FieldError, field, ownValue, type Path, semanticEqual } from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import { legacyErrors } from '../../../core/v1/event/event.validation.js';
import type { Event } from '../../../generated/types.js';
import { eventToStorage } from './event.conversion.js';

/** events.k8s.io/v1. Paths are those of the stored form, as upstream's are. */
export const eventValidator: KindValidator = {
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
