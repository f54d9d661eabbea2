import type { KindModule, Setter } from '../../../contract/kind-module.js';
import { fillMissing, nothing } from '../../../defaults/setters.js';
import { imagePullPolicyFor } from './image-reference.js';

/** Of pods themselves: templates have none of these. */
export const podDefaults: KindModule['defaults'] = {
  'spec.containers[*].resources.requests': requestsFromLimits('containers'),
  'spec.initContainers[*].resources.requests': requestsFromLimits('initContainers'),
  'spec.containers[*].ports[*].hostPort': (pod) => {
    if (pod.spec?.hostNetwork !== true) return;
    for (const container of [...(pod.spec.containers ?? []), ...(pod.spec.initContainers ?? [])]) {
      for (const port of container.ports ?? []) port.hostPort ||= port.containerPort;
    }
  },
  'spec.terminationGracePeriodSeconds': (pod) => {
    if (pod.spec?.terminationGracePeriodSeconds < 0) pod.spec.terminationGracePeriodSeconds = 1;
  },
  // Done when the pod is created, after admission: see the pod's strategy.
  'spec.resources': nothing,
};

function requestsFromLimits(list: 'containers' | 'initContainers'): Setter {
  return (pod) => {
    for (const container of pod.spec?.[list] ?? []) {
      const limits = container.resources?.limits;
      if (limits === undefined) continue;
      fillMissing((container.resources.requests ??= {}), limits);
    }
  };
}

const imagePullPolicy: Setter = (container) => {
  container.imagePullPolicy ??= imagePullPolicyFor(container.image ?? '');
};

/** Of pods and of the templates of pods. */
export const podTypeDefaults: KindModule['typeDefaults'] = {
  'io.k8s.api.core.v1.PodSpec': {
    serviceAccountName: (spec) => {
      spec.serviceAccountName ||= spec.serviceAccount;
      if (spec.serviceAccountName) spec.serviceAccount = spec.serviceAccountName;
      else delete spec.serviceAccountName;
    },
  },
  'io.k8s.api.core.v1.Container': { imagePullPolicy },
  'io.k8s.api.core.v1.EphemeralContainer': {
    '*': (container) => {
      imagePullPolicy(container);
      container.terminationMessagePath ??= '/dev/termination-log';
      container.terminationMessagePolicy ??= 'File';
    },
  },
  // The field itself is behind a gate that is off, and dropped.
  'io.k8s.api.core.v1.HTTPGetAction': { protocol: nothing },
  // An unset name is left out, as the json tag says; only the optional flag of file keys shows.
  'io.k8s.api.core.v1.ConfigMapKeySelector': { name: nothing },
  'io.k8s.api.core.v1.SecretKeySelector': { name: nothing },
  'io.k8s.api.core.v1.FileKeySelector': {
    name: (selector) => {
      selector.optional ??= false;
    },
  },
  'io.k8s.api.core.v1.Volume': {
    '*': (volume) => {
      for (const key in volume) if (key !== 'name' && volume[key] !== undefined) return;
      volume.emptyDir = {};
    },
    'image.pullPolicy': (volume) => {
      if (volume.image !== undefined) volume.image.pullPolicy ??= imagePullPolicyFor(volume.image.reference ?? '');
    },
  },
  'io.k8s.api.core.v1.PodStatus': {
    podIPs: (status) => {
      if (status.podIP && status.podIPs?.[0]?.ip !== status.podIP) status.podIPs = [{ ip: status.podIP }];
    },
    podIP: (status) => {
      if (!status.podIP && status.podIPs?.[0]?.ip) status.podIP = status.podIPs[0].ip;
    },
  },
};
