import type { Tracer } from '#telemetry';
import type { AdmissionRunner } from './registry-context.js';

/** Admission with a span for each of its two phases. */
export function tracedAdmission(admission: AdmissionRunner, tracer: Tracer): AdmissionRunner {
  return {
    admit: (attributes) => tracer.span('admit', {}, async () => admission.admit(attributes)),
    validate: (attributes) => tracer.span('validate', {}, async () => admission.validate(attributes)),
  };
}
