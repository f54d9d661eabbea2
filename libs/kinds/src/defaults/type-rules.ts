import { bare, ownValue, setOwn } from '#apimachinery';
import { imagePullPolicyFor } from '../core/v1/pod/image-reference.js';
import type { Setter } from './type-defaults.js';

/** The rules in words of `defaults.json` that belong to types, by type and field. */

const nothing: Setter = () => {};

/** What `from` has and `target` has not. */
export function fillMissing(target: Record<string, string>, from: Record<string, string> | undefined): void {
  for (const key in from) {
    if (ownValue(target, key) === undefined) setOwn(target, key, from[key]!);
  }
}

const imagePullPolicy: Setter = (container) => {
  container.imagePullPolicy ??= imagePullPolicyFor(container.image ?? '');
};

const deviceCount: Setter = (request) => {
  if (request.allocationMode === 'ExactCount' && !request.count) request.count = 1;
};

export const typeRules = bare<Record<string, Setter>>({
  'core/v1.PodSpec': {
    serviceAccountName: (spec) => {
      spec.serviceAccountName ||= spec.serviceAccount;
      if (spec.serviceAccountName) spec.serviceAccount = spec.serviceAccountName;
      else delete spec.serviceAccountName;
    },
  },
  'core/v1.Container': { imagePullPolicy },
  'core/v1.EphemeralContainer': {
    '*': (container) => {
      imagePullPolicy(container);
      container.terminationMessagePath ??= '/dev/termination-log';
      container.terminationMessagePolicy ??= 'File';
    },
  },
  // The field itself is behind a gate that is off, and dropped.
  'core/v1.HTTPGetAction': { protocol: nothing },
  'core/v1.PodLogOptions': { stream: nothing },
  // An unset name is left out, as the json tag says; only the optional flag of file keys shows.
  'core/v1.ConfigMapKeySelector': { name: nothing },
  'core/v1.SecretKeySelector': { name: nothing },
  'core/v1.FileKeySelector': {
    name: (selector) => {
      selector.optional ??= false;
    },
  },
  'core/v1.Volume': {
    '*': (volume) => {
      for (const key in volume) if (key !== 'name' && volume[key] !== undefined) return;
      volume.emptyDir = {};
    },
    'image.pullPolicy': (volume) => {
      if (volume.image !== undefined) volume.image.pullPolicy ??= imagePullPolicyFor(volume.image.reference ?? '');
    },
  },
  // Quantities are brought to their normal form by the decoder.
  'core/v1.ResourceList': { '*': nothing },
  'core/v1.PodStatus': {
    podIPs: (status) => {
      if (status.podIP && status.podIPs?.[0]?.ip !== status.podIP) status.podIPs = [{ ip: status.podIP }];
    },
    podIP: (status) => {
      if (!status.podIP && status.podIPs?.[0]?.ip) status.podIP = status.podIPs[0].ip;
    },
  },
  // The older field decides: who changes it alone changes both, and validation sees that.
  'core/v1.NodeSpec': {
    podCIDRs: (spec) => {
      if (spec.podCIDR && spec.podCIDRs?.[0] !== spec.podCIDR) spec.podCIDRs = [spec.podCIDR];
    },
    podCIDR: (spec) => {
      if (!spec.podCIDR && spec.podCIDRs?.[0]) spec.podCIDR = spec.podCIDRs[0];
    },
  },
  'core/v1.LimitRangeItem': {
    default: (item) => {
      if (item.type !== 'Container') return;
      item.default ??= {};
      fillMissing(item.default, item.max);
    },
    defaultRequest: (item) => {
      if (item.type !== 'Container') return;
      item.defaultRequest ??= {};
      fillMissing(item.defaultRequest, item.default);
      fillMissing(item.defaultRequest, item.min);
      for (const name of ['default', 'defaultRequest']) {
        if (Object.keys(item[name]).length === 0) delete item[name];
      }
    },
  },
  'rbac/v1.Subject': {
    apiGroup: (subject) => {
      if (!subject.apiGroup && (subject.kind === 'User' || subject.kind === 'Group')) {
        subject.apiGroup = 'rbac.authorization.k8s.io';
      }
    },
  },
  'resource/v1.ExactDeviceRequest': { count: deviceCount },
  'resource/v1.DeviceSubRequest': { count: deviceCount },
  'resource/v1.DeviceTaint': {
    timeAdded: (taint) => {
      taint.timeAdded ??= `${new Date().toISOString().slice(0, 19)}Z`;
    },
  },
  'meta/v1.DeleteOptions': { propagationPolicy: nothing },
});
