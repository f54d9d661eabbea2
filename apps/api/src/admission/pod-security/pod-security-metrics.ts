import type { MetricsRegistry } from '#telemetry';
import type { AdmissionRequest } from '../admission-request.js';
import { LATEST, type LevelVersion, type Mode } from './pod-policy.js';

const REQUEST = {
  request_operation: ['create', 'update'],
  resource: ['pod', 'namespace', 'controller'],
  subresource: 20,
};
/** Policies of later versions are those of the future. */
const NEWEST_VERSION = 37;

/** What policies decided, as the reference names and labels it. */
export class PodSecurityMetrics {
  private readonly evaluations;
  private readonly exemptions;
  private readonly errors;

  constructor(registry: MetricsRegistry) {
    this.evaluations = registry.counter({
      name: 'pod_security_evaluations_total',
      help: 'Evaluations of policies, without requests that are ignored or exempt.',
      labels: {
        decision: ['allow', 'deny'],
        policy_level: ['privileged', 'baseline', 'restricted'],
        policy_version: 50,
        mode: ['enforce', 'audit', 'warn'],
        ...REQUEST,
      },
    });
    this.exemptions = registry.counter({
      name: 'pod_security_exemptions_total',
      help: 'Requests that are exempt.',
      labels: REQUEST,
    });
    this.errors = registry.counter({
      name: 'pod_security_errors_total',
      help: 'Errors that kept policies from being evaluated as they are meant.',
      labels: { fatal: ['true', 'false'], ...REQUEST },
    });
  }

  evaluated(decision: 'allow' | 'deny', { level, version }: LevelVersion, mode: Mode, request: AdmissionRequest): void {
    this.evaluations.cell(decision, level, versionLabel(level, version), mode, ...labelsOf(request)).value += 1;
  }

  exempted(request: AdmissionRequest): void {
    this.exemptions.cell(...labelsOf(request)).value += 1;
  }

  failed(fatal: boolean, request: AdmissionRequest): void {
    this.errors.cell(String(fatal), ...labelsOf(request)).value += 1;
  }
}

function versionLabel(level: string, version: number): string {
  if (version === LATEST || level === 'privileged') return 'latest';
  return version <= NEWEST_VERSION ? `v1.${version}` : 'future';
}

function labelsOf({ operation, resource, subresource }: AdmissionRequest): [string, string, string] {
  const { group, resource: plural } = resource;
  const what =
    group === '' && plural === 'pods' ? 'pod' : group === '' && plural === 'namespaces' ? 'namespace' : 'controller';
  return [operation === 'CREATE' ? 'create' : 'update', what, subresource];
}
