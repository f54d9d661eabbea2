import { type ObjectMeta, ownValue, quote } from '#apimachinery';
import type { AppArmorProfile, PodSpec, SeccompProfile } from '../../../generated/types.js';
import type { FieldCursor } from '../../../validation/field-cursor.js';
import { checkLocalPath } from '../path.validation.js';
import { eachContainer } from './pod-os.validation.js';
import { MIRROR_POD_ANNOTATION } from './pod-references.js';
import { checkTolerations } from './pod-scheduling.validation.js';

/** Annotations of pods and templates that mean something: most are what later became fields. */

const tolerationsAnnotation = 'scheduler.alpha.kubernetes.io/tolerations';
const deletionCost = 'controller.kubernetes.io/pod-deletion-cost';
const seccompPod = 'seccomp.security.alpha.kubernetes.io/pod';
const seccompContainer = 'container.seccomp.security.alpha.kubernetes.io/';
export const appArmorContainer = 'container.apparmor.security.beta.kubernetes.io/';
const localhost = 'localhost/';

type Annotations = Record<string, string> | undefined;

/** With the cursor in the annotations. */
export function checkPodAnnotations(at: FieldCursor, annotations: Annotations, spec: PodSpec): void {
  if (annotations === undefined) return;
  const mirror = annotations[MIRROR_POD_ANNOTATION];
  if (mirror !== undefined && !spec.nodeName) {
    invalidKey(at, MIRROR_POD_ANNOTATION, mirror, 'must set spec.nodeName if mirror pod annotation is set');
  }
  const tolerations = annotations[tolerationsAnnotation];
  if (tolerations) checkTolerationsText(at, tolerations);
  const cost = annotations[deletionCost];
  if (cost !== undefined && !isInt32(cost)) invalidKey(at, deletionCost, cost, 'must be a 32bit integer');
  let names: Set<string> | undefined;
  for (const key in annotations) {
    const value = annotations[key]!;
    if (key === seccompPod || key.startsWith(seccompContainer)) checkSeccompText(at, key, value);
    else if (key.startsWith(appArmorContainer)) checkAppArmorText(at, key, value, (names ??= containerNames(spec)));
  }
}

function invalidKey(at: FieldCursor, key: string, value: string, detail: string): void {
  at.enterKey(key);
  at.invalid('', value, detail);
  at.leave();
}

function isInt32(text: string): boolean {
  if (!/^(?:0|-\d+|[1-9]\d*)$/.test(text)) return false;
  const value = Number(text);
  return value >= -(2 ** 31) && value < 2 ** 31;
}

function checkTolerationsText(at: FieldCursor, text: string): void {
  let tolerations: unknown;
  try {
    tolerations = JSON.parse(text);
  } catch (error) {
    at.invalid('', tolerationsAnnotation, (error as Error).message);
    return;
  }
  if (tolerations === null) return;
  if (!Array.isArray(tolerations) || tolerations.some((item) => typeof item !== 'object' || item === null)) {
    at.invalid('', tolerationsAnnotation, 'json: cannot unmarshal value into Go value of type []v1.Toleration');
    return;
  }
  at.enter(tolerationsAnnotation);
  checkTolerations(at, tolerations);
  at.leave();
}

function checkSeccompText(at: FieldCursor, key: string, value: string): void {
  if (value === 'runtime/default' || value === 'docker/default' || value === 'unconfined') return;
  if (value.startsWith(localhost)) checkLocalPath(at, key, value.slice(localhost.length));
  else at.invalid(key, value, 'must be a valid seccomp profile');
}

function checkAppArmorText(at: FieldCursor, key: string, value: string, containers: ReadonlySet<string>): void {
  const name = key.slice(appArmorContainer.length);
  if (!containers.has(name)) invalidKey(at, key, name, 'container not found');
  if (value === '' || value === 'runtime/default' || value === 'unconfined' || value.startsWith(localhost)) return;
  invalidKey(at, key, value, `invalid AppArmor profile name: ${quote(value)}`);
}

function containerNames({ initContainers, containers, ephemeralContainers }: PodSpec): Set<string> {
  const lists = [initContainers, containers, ephemeralContainers];
  return new Set(lists.flatMap((list) => (list ?? []).map(({ name }) => name)));
}

/** Fields must say what the annotations before them said, where an object has both. */
export function checkProfileAnnotations(at: FieldCursor, meta: ObjectMeta | undefined, spec: PodSpec): void {
  const annotations = meta?.annotations;
  if (annotations === undefined) return;
  const ofPod = spec.securityContext;
  const text = annotations[seccompPod];
  if (ofPod?.seccompProfile !== undefined && text !== undefined) {
    at.enter('securityContext');
    checkSeccompMatch(at, text, ofPod.seccompProfile);
    at.leave();
  }
  eachContainer(at, spec, ({ name, securityContext }) => {
    const own = ownValue(annotations, seccompContainer + name);
    if (own === undefined || securityContext?.seccompProfile === undefined) return;
    at.enter('securityContext');
    checkSeccompMatch(at, own, securityContext.seccompProfile);
    at.leave();
  });
  if (spec.os?.name === 'windows') return;
  eachContainer(at, spec, ({ name, securityContext }) => {
    const own = ownValue(annotations, appArmorContainer + name);
    const profile = securityContext?.appArmorProfile ?? ofPod?.appArmorProfile;
    if (own === undefined || profile === undefined) return;
    at.enter('securityContext');
    checkAppArmorMatch(at, own, profile);
    at.leave();
  });
}

function checkSeccompMatch(at: FieldCursor, text: string, { type, localhostProfile }: SeccompProfile): void {
  const mismatch = 'seccomp type in annotation and field must match';
  if (type === 'Unconfined') {
    if (text !== 'unconfined') at.forbidden('seccompProfile.type', mismatch);
  } else if (type === 'RuntimeDefault') {
    if (text !== 'runtime/default' && text !== 'docker/default') at.forbidden('seccompProfile.type', mismatch);
  } else if (type === 'Localhost') {
    if (!text.startsWith(localhost)) at.forbidden('seccompProfile.type', mismatch);
    else if (localhostProfile !== text.slice(localhost.length)) {
      at.forbidden('seccompProfile.localhostProfile', 'seccomp profile in annotation and field must match');
    }
  }
}

function checkAppArmorMatch(at: FieldCursor, text: string, { type, localhostProfile }: AppArmorProfile): void {
  const mismatch = 'apparmor type in annotation and field must match';
  const matches =
    type === 'Unconfined'
      ? text === 'unconfined'
      : type === 'RuntimeDefault'
        ? text === 'runtime/default'
        : type !== 'Localhost' || text.startsWith(localhost);
  if (!matches) at.forbidden('appArmorProfile.type', mismatch);
  else if (type === 'Localhost' && localhostProfile !== text.slice(localhost.length)) {
    at.forbidden('appArmorProfile.localhostProfile', 'apparmor profile in annotation and field must match');
  }
}
