import { aggregateMessages, fieldErrorText, internalError, invalid, type KubeObject, quote } from '#apimachinery';
import type { Lister } from '../../storage/lister.js';
import type { AdmissionPlugin, AdmissionRequest, AdmissionTarget } from '../admission-request.js';
import { warningsOfPods } from '../pod-security/namespace-pods.js';
import type { CheckedPod } from '../pod-security/pod-check.js';
import { detailsText, violations } from '../pod-security/pod-checks.js';
import {
  compareLevels,
  isEquivalent,
  isPrivileged,
  isSame,
  LABEL_PREFIX,
  type LevelVersion,
  MODES,
  type NamespacePolicy,
  type PodPolicy,
  PRIVILEGED,
  policyOf,
  policyText,
} from '../pod-security/pod-policy.js';
import type { PodSecurityMetrics } from '../pod-security/pod-security-metrics.js';
import { hasTemplate, templateOf } from '../pod-security/pod-templates.js';
import { rejection } from '../rejection.js';

/** The plugin's configuration: what holds where labels say nothing, and for whom nothing does. */
export interface PodSecurityOptions {
  defaults: PodPolicy;
  exempt: {
    usernames: ReadonlySet<string>;
    runtimeClasses: ReadonlySet<string>;
    namespaces: ReadonlySet<string>;
  };
}

export const NO_EXEMPTIONS: PodSecurityOptions['exempt'] = {
  usernames: new Set(),
  runtimeClasses: new Set(),
  namespaces: new Set(),
};

/** Subresources of pods that do not change what a pod may do. */
const HARMLESS = new Set(['exec', 'attach', 'binding', 'eviction', 'log', 'portforward', 'proxy', 'status']);

/**
 * The Pod Security Standards, as the labels of namespaces ask for them: `enforce` refuses pods, `warn` tells their writer, `audit` the
 * audit log. The last two look at the templates of workloads as well.
 */
export class PodSecurity implements AdmissionPlugin {
  readonly name = 'PodSecurity';
  private readonly policies = new WeakMap<KubeObject, NamespacePolicy>();

  constructor(
    private readonly lister: Lister,
    private readonly options: PodSecurityOptions = { defaults: PRIVILEGED, exempt: NO_EXEMPTIONS },
    private readonly metrics?: PodSecurityMetrics,
  ) {}

  handles({ operation, resource, subresource }: AdmissionTarget): boolean {
    if (operation !== 'CREATE' && operation !== 'UPDATE') return false;
    if (isPods(resource)) return !HARMLESS.has(subresource);
    if (subresource !== '') return false;
    return isNamespaces(resource) || hasTemplate(resource);
  }

  validate(request: AdmissionRequest): void | Promise<void> {
    if (isNamespaces(request.resource)) return this.validateNamespace(request);
    const exempt = this.exemption(request);
    if (exempt !== undefined) return this.exempt(request, exempt);
    const namespace = this.lister.get('namespaces', '', request.namespace);
    if (isPods(request.resource)) this.validatePod(request, namespace);
    else this.validateTemplate(request, namespace);
  }

  private validatePod(request: AdmissionRequest, namespace: KubeObject | undefined): void {
    if (namespace === undefined) {
      this.metrics?.failed(true, request);
      throw internalError(`failed to lookup namespace ${quote(request.namespace)}`);
    }
    const { policy, errors } = this.policyOf(namespace);
    if (errors.length === 0 && isPrivileged(policy)) {
      this.metrics?.evaluated('allow', policy.enforce, 'enforce', request);
      annotate(request, 'enforce-policy', policyText(PRIVILEGED.enforce));
      return;
    }
    const pod = request.object!;
    if (request.operation === 'UPDATE' && !matters(pod, request.oldObject!)) return;
    const checked = { annotations: pod.metadata.annotations, spec: pod['spec'] ?? {} };
    this.evaluate(request, { policy, errors }, checked, true);
  }

  private validateTemplate(request: AdmissionRequest, namespace: KubeObject | undefined): void {
    if (namespace === undefined) {
      this.metrics?.failed(true, request);
      annotate(request, 'error', `failed to lookup namespace ${quote(request.namespace)}`);
      return;
    }
    const { policy, errors } = this.policyOf(namespace);
    const isSilent = policy.warn.level === 'privileged' && policy.audit.level === 'privileged';
    if (errors.length === 0 && isSilent) return;
    const pod = templateOf(request.resource, request.object!);
    if (pod !== undefined) this.evaluate(request, { policy, errors }, pod, false);
  }

  private evaluate(
    request: AdmissionRequest,
    { policy, errors }: NamespacePolicy,
    pod: CheckedPod,
    enforces: boolean,
  ): void {
    const runtimeClass = pod.spec.runtimeClassName ?? '';
    if (this.options.exempt.runtimeClasses.has(runtimeClass)) {
      this.exempt(request, 'runtimeClass');
      return;
    }
    if (errors.length > 0) {
      annotate(request, 'error', `Failed to parse policy: ${aggregateMessages(errors.map(fieldErrorText))}`);
      this.metrics?.failed(false, request);
    }
    const found = new Map<string, string>();
    const problemsOf = (level: LevelVersion): string => {
      const key = policyText(level);
      const known = found.get(key);
      if (known !== undefined) return known;
      const text = detailsText(violations(level, pod));
      found.set(key, text);
      return text;
    };
    const refusal = enforces ? problemsOf(policy.enforce) : '';
    if (enforces) {
      annotate(request, 'enforce-policy', policyText(policy.enforce));
      this.metrics?.evaluated(refusal === '' ? 'allow' : 'deny', policy.enforce, 'enforce', request);
    }
    const audit = problemsOf(policy.audit);
    if (audit !== '') {
      annotate(request, 'audit-violations', `would violate ${said(policy.audit, audit)}`);
      this.metrics?.evaluated('deny', policy.audit, 'audit', request);
    }
    if (refusal !== '') throw rejection(request, `violates ${said(policy.enforce, refusal)}`);
    const warning = problemsOf(policy.warn);
    if (warning === '') return;
    request.warn(`would violate ${said(policy.warn, warning)}`);
    this.metrics?.evaluated('deny', policy.warn, 'warn', request);
  }

  private validateNamespace(request: AdmissionRequest): void | Promise<void> {
    const namespace = request.object!;
    const { policy, errors } = policyOf(namespace.metadata.labels, this.options.defaults);
    const old = request.oldObject && policyOf(request.oldObject.metadata.labels, this.options.defaults);
    if (errors.length > 0 && (old === undefined || !sameErrors(errors, old.errors))) {
      throw invalid(request.kind, namespace.metadata.name ?? '', [...errors]);
    }
    if (old !== undefined && !tightens(policy.enforce, old.policy.enforce)) return;
    if (this.options.exempt.namespaces.has(namespace.metadata.name!)) return this.warnOfExemption(request, policy);
    if (old === undefined) return;
    return this.warnOfPods(request, policy.enforce);
  }

  private async warnOfPods(request: AdmissionRequest, enforce: LevelVersion): Promise<void> {
    const name = request.object!.metadata.name!;
    const { runtimeClasses } = this.options.exempt;
    const pods = this.lister.list('pods', name).filter(({ spec }) => !runtimeClasses.has(spec.runtimeClassName ?? ''));
    for (const warning of await warningsOfPods(name, pods, enforce)) request.warn(warning);
  }

  private warnOfExemption(request: AdmissionRequest, policy: PodPolicy): void {
    const { defaults } = this.options;
    if (isPrivileged(policy) || MODES.every((mode) => isEquivalent(policy[mode], defaults[mode]))) return;
    const { name, labels = {} } = request.object!.metadata;
    const isSet = (label: string) => Object.hasOwn(labels, `${LABEL_PREFIX}${label}`);
    const shown = MODES.filter(
      (mode) => policy[mode].level !== 'privileged' && (isSet(mode) || isSet(`${mode}-version`)),
    ).map((mode) => `${mode}=${policyText(policy[mode])}`);
    const ignored = `the policy (${shown.join(', ')}) will be ignored`;
    request.warn(`namespace ${quote(name!)} is exempt from Pod Security, and ${ignored}`);
  }

  private exemption({ namespace, user }: AdmissionRequest): 'namespace' | 'user' | undefined {
    const { namespaces, usernames } = this.options.exempt;
    if (namespaces.has(namespace)) return 'namespace';
    return usernames.has(user.name) ? 'user' : undefined;
  }

  private exempt(request: AdmissionRequest, why: 'namespace' | 'user' | 'runtimeClass'): void {
    this.metrics?.exempted(request);
    annotate(request, 'exempt', why);
  }

  /** Kept with the version of the namespace that it was read from. */
  private policyOf(namespace: KubeObject): NamespacePolicy {
    let known = this.policies.get(namespace);
    if (known === undefined) {
      known = policyOf(namespace.metadata.labels, this.options.defaults);
      this.policies.set(namespace, known);
    }
    return known;
  }
}

function isPods({ group, resource }: AdmissionTarget['resource']): boolean {
  return group === '' && resource === 'pods';
}

function isNamespaces({ group, resource }: AdmissionTarget['resource']): boolean {
  return group === '' && resource === 'namespaces';
}

function annotate(request: AdmissionRequest, key: string, value: string): void {
  request.annotate(`${LABEL_PREFIX}${key}`, value);
}

function said(level: LevelVersion, problems: string): string {
  return `PodSecurity ${quote(policyText(level))}: ${problems}`;
}

/** Of what can change in a pod only images, and containers that are added, can break a policy. */
function matters({ spec }: KubeObject, { spec: old }: KubeObject): boolean {
  for (const list of ['containers', 'initContainers']) {
    const [now = [], before = []] = [spec[list], old[list]];
    if (now.length !== before.length) return true;
    if (now.some(({ image }: any, i: number) => image !== before[i].image)) return true;
  }
  const images = new Map((old.ephemeralContainers ?? []).map(({ name, image }: any) => [name, image ?? '']));
  return (spec.ephemeralContainers ?? []).some(({ name, image }: any) => images.get(name) !== (image ?? ''));
}

/** Whether pods that were admitted may not be any more. */
function tightens(enforce: LevelVersion, before: LevelVersion): boolean {
  if (isSame(enforce, before) || enforce.level === 'privileged') return false;
  return enforce.version !== before.version || compareLevels(enforce.level, before.level) > 0;
}

function sameErrors(errors: NamespacePolicy['errors'], others: NamespacePolicy['errors']): boolean {
  return (
    errors.length === others.length && errors.every((error, i) => fieldErrorText(error) === fieldErrorText(others[i]!))
  );
}
