import assert from 'node:assert/strict';
import { noTracer, type Tracer } from '#telemetry';
import type { AdmissionRequest } from '../admission/admission-request.js';
import { tracedAdmission } from './traced-admission.js';

test('each phase of admission has a span, and refuses what it refuses', async () => {
  const log: string[] = [];
  const tracer: Tracer = {
    ...noTracer,
    span: (name, _attributes, work) => {
      log.push(`begin ${name}`);
      return work().finally(() => log.push(`end ${name}`));
    },
  };
  const admission = tracedAdmission(
    {
      admit: () => void log.push('admitting'),
      validate: async () => {
        throw new Error('refused');
      },
    },
    tracer,
  );
  await admission.admit({} as AdmissionRequest);
  await assert.rejects(Promise.resolve(admission.validate({} as AdmissionRequest)), /^Error: refused$/);
  assert.deepEqual(log, ['begin admit', 'admitting', 'end admit', 'begin validate', 'end validate']);
});
