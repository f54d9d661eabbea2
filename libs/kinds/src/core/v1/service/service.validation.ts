import {
  appendAll,
  type FieldError,
  FieldPath,
  field,
  isDNS1123Label,
  isDNS1123Subdomain,
  isPortName,
  isPortNumber,
  isQualifiedName,
  type Path,
  validateLabels,
} from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import type { Service, ServicePort, ServiceSpec } from '../../../generated/types.js';
import { choiceErrors, formatErrors, portProtocols } from '../../../validation/fields.js';
import { validateCidr, validateEndpointIp, validateIp } from '../../../validation/ip.js';
import { serviceRules } from './service.rules.js';
import { clusterIpChangeErrors, clusterIpErrors, isHeadless } from './service-cluster-ip.validation.js';

const root = FieldPath.of('spec');
const types = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const onlyLoadBalancer = "may only be used when `type` is 'LoadBalancer'";
const maxAffinitySeconds = 86_400;

export const serviceValidator: KindValidator = {
  rules: serviceRules,
  validateCreate: (service: Service) => validate(service, undefined),
  validateUpdate(service: Service, old: Service, { subresource }) {
    if (subresource === 'status') return balancerStatusErrors(service, old);
    return [...changeErrors(service, old), ...validate(service, old)];
  },
};

function validate(service: Service, old: Service | undefined): FieldError[] {
  const { spec } = service;
  return [
    ...topologyErrors(service),
    ...typeErrors(spec),
    ...portListErrors(spec.ports ?? []),
    ...validateLabels(spec.selector, root.child('selector')),
    ...affinityErrors(spec),
    ...clusterIpErrors(spec, old?.spec),
    ...externalIpErrors(spec.externalIPs ?? [], old),
    ...choiceErrors(spec.type, types, root.child('type')),
    ...portUniquenessErrors(spec),
    ...balancerErrors(spec, old?.spec),
    ...rangesAnnotationErrors(service, old),
    ...trafficErrors(spec),
  ];
}

const annotations = FieldPath.of('metadata', 'annotations');
const hintsAnnotation = 'service.kubernetes.io/topology-aware-hints';
const modeAnnotation = 'service.kubernetes.io/topology-mode';
const rangesAnnotation = 'service.beta.kubernetes.io/load-balancer-source-ranges';

/** The older name of an annotation and the newer one must agree. */
function topologyErrors({ metadata }: Service): FieldError[] {
  const hints = metadata.annotations?.[hintsAnnotation];
  const mode = metadata.annotations?.[modeAnnotation];
  if (hints === undefined || mode === undefined || hints === mode) return [];
  const detail = `must match annotations[${hintsAnnotation}] when both are specified`;
  return [field.invalid(annotations.key(modeAnnotation), mode, detail)];
}

/** What `loadBalancerSourceRanges` was before it was a field; it counts where the field is empty. */
function rangesAnnotationErrors({ metadata, spec }: Service, old: Service | undefined): FieldError[] {
  const text = metadata.annotations?.[rangesAnnotation];
  if (text === undefined || (spec.loadBalancerSourceRanges ?? []).length > 0) return [];
  const path = annotations.key(rangesAnnotation);
  const errors = spec.type === 'LoadBalancer' ? [] : [field.forbidden(path, onlyLoadBalancer)];
  if (text.trim() === '' || old?.metadata.annotations?.[rangesAnnotation] === text) return errors;
  return [...errors, ...text.split(',').flatMap((range) => validateCidr(path, range.trim()))];
}

function typeErrors(spec: ServiceSpec): FieldError[] {
  const errors: FieldError[] = [];
  const isName = spec.type === 'ExternalName';
  if ((spec.ports ?? []).length === 0 && !isHeadless(spec) && !isName) errors.push(field.required(root.child('ports')));
  if ((spec.type === 'LoadBalancer' || spec.type === 'NodePort') && isHeadless(spec)) {
    const detail = `may not be set to 'None' for ${spec.type} services`;
    errors.push(field.invalid(root.child('clusterIPs').index(0), 'None', detail));
  }
  if (!isName) return errors;
  const unwanted = 'may not be set for ExternalName services';
  if ((spec.clusterIPs ?? []).length > 0) errors.push(field.forbidden(root.child('clusterIPs'), unwanted));
  if ((spec.ipFamilies ?? []).length > 0) errors.push(field.forbidden(root.child('ipFamilies'), unwanted));
  if (spec.ipFamilyPolicy !== undefined) errors.push(field.forbidden(root.child('ipFamilyPolicy'), unwanted));
  const target = (spec.externalName ?? '').replace(/\.$/, '');
  if (target === '') errors.push(field.required(root.child('externalName')));
  else appendAll(errors, formatErrors(isDNS1123Subdomain, target, root.child('externalName')));
  return errors;
}

function portListErrors(ports: ServicePort[]): FieldError[] {
  const names = new Set<string>();
  return ports.flatMap((port, i) => portErrors(port, root.child('ports').index(i), ports.length > 1, names));
}

/** `names` are those of the ports before; the port's own is added. */
function portErrors(port: ServicePort, path: FieldPath, isOneOfMany: boolean, names: Set<string>): FieldError[] {
  const errors: FieldError[] = [];
  if (!port.name) {
    if (isOneOfMany) errors.push(field.required(path.child('name')));
  } else {
    appendAll(errors, formatErrors(isDNS1123Label, port.name, path.child('name')));
    if (names.has(port.name)) errors.push(field.duplicate(path.child('name'), port.name));
    names.add(port.name);
  }
  appendAll(errors, numberErrors(port.port, path.child('port')));
  appendAll(errors, choiceErrors(port.protocol, portProtocols, path.child('protocol')));
  const { targetPort } = port;
  if (typeof targetPort === 'number') appendAll(errors, numberErrors(targetPort, path.child('targetPort')));
  else if (targetPort !== undefined) appendAll(errors, formatErrors(isPortName, targetPort, path.child('targetPort')));
  if (port.appProtocol !== undefined) {
    appendAll(errors, formatErrors(isQualifiedName, port.appProtocol, path.child('appProtocol')));
  }
  return errors;
}

function numberErrors(value: number, path: Path): FieldError[] {
  return isPortNumber(value).map((text) => field.invalid(path, value, text));
}

function affinityErrors({ sessionAffinity, sessionAffinityConfig }: ServiceSpec): FieldError[] {
  const errors = choiceErrors(sessionAffinity, ['ClientIP', 'None'], root.child('sessionAffinity'));
  const path = root.child('sessionAffinityConfig');
  if (sessionAffinity === 'None' && sessionAffinityConfig !== undefined) {
    errors.push(field.forbidden(path, 'must not be set when session affinity is None'));
  }
  if (sessionAffinity !== 'ClientIP') return errors;
  const seconds = sessionAffinityConfig?.clientIP?.timeoutSeconds;
  if (sessionAffinityConfig === undefined) {
    errors.push(field.required(path, 'when session affinity type is ClientIP'));
  } else if (sessionAffinityConfig.clientIP === undefined) {
    errors.push(field.required(path.child('clientIP'), 'when session affinity type is ClientIP'));
  } else if (seconds === undefined) {
    errors.push(field.required(path.child('clientIP', 'timeoutSeconds'), 'when session affinity type is ClientIP'));
  } else if (seconds <= 0 || seconds > maxAffinitySeconds) {
    const detail = `must be greater than 0 and less than ${maxAffinitySeconds}`;
    errors.push(field.invalid(path.child('clientIP', 'timeoutSeconds'), seconds, detail));
  }
  return errors;
}

function externalIpErrors(ips: string[], old: Service | undefined): FieldError[] {
  const known = new Set(old?.spec.externalIPs);
  return ips.flatMap((ip, i) => {
    const path = root.child('externalIPs').index(i);
    const errors = validateIp(path, ip, known);
    return errors.length > 0 ? errors : validateEndpointIp(ip, path);
  });
}

function portUniquenessErrors({ type, ports = [] }: ServiceSpec): FieldError[] {
  const errors: FieldError[] = [];
  const path = root.child('ports');
  if (type === 'ClusterIP') {
    ports.forEach(({ nodePort }, i) => {
      if (!nodePort) return;
      errors.push(field.forbidden(path.index(i).child('nodePort'), "may not be used when `type` is 'ClusterIP'"));
    });
  }
  const nodePorts = new Set<string>();
  ports.forEach(({ nodePort, protocol }, i) => {
    if (!nodePort) return;
    const key = `${protocol}/${nodePort}`;
    if (nodePorts.has(key)) errors.push(field.duplicate(path.index(i).child('nodePort'), nodePort));
    nodePorts.add(key);
  });
  const numbers = new Set<string>();
  ports.forEach(({ port, protocol }, i) => {
    const key = `${protocol}/${port}`;
    if (numbers.has(key)) {
      // What the reference prints is its internal struct, field names and all.
      const shown = { Name: '', Protocol: protocol, AppProtocol: null, Port: port, TargetPort: 0, NodePort: 0 };
      errors.push(field.duplicate(path.index(i), shown));
    }
    numbers.add(key);
  });
  return errors;
}

function balancerErrors(spec: ServiceSpec, old: ServiceSpec | undefined): FieldError[] {
  const errors: FieldError[] = [];
  const isBalancer = spec.type === 'LoadBalancer';
  const ranges = spec.loadBalancerSourceRanges ?? [];
  const rangesPath = root.child('LoadBalancerSourceRanges');
  if (ranges.length > 0 && !isBalancer) errors.push(field.forbidden(rangesPath, onlyLoadBalancer));
  const known = new Set(old?.loadBalancerSourceRanges?.map((range) => range.trim()));
  ranges.forEach((range, i) => {
    appendAll(errors, validateCidr(rangesPath.index(i), range.trim(), known));
  });
  if (spec.allocateLoadBalancerNodePorts !== undefined && !isBalancer) {
    errors.push(field.forbidden(root.child('allocateLoadBalancerNodePorts'), onlyLoadBalancer));
  }
  if (spec.loadBalancerClass !== undefined) {
    const path = root.child('loadBalancerClass');
    if (isBalancer) appendAll(errors, formatErrors(isQualifiedName, spec.loadBalancerClass, path));
    else errors.push(field.forbidden(path, onlyLoadBalancer));
  }
  return errors;
}

function isExternallyAccessible({ type, externalIPs = [] }: ServiceSpec): boolean {
  return type === 'LoadBalancer' || type === 'NodePort' || (type === 'ClusterIP' && externalIPs.length > 0);
}

function needsHealthCheck({ type, externalTrafficPolicy }: ServiceSpec): boolean {
  return type === 'LoadBalancer' && externalTrafficPolicy === 'Local';
}

function trafficErrors(spec: ServiceSpec): FieldError[] {
  const errors: FieldError[] = [];
  const external = root.child('externalTrafficPolicy');
  if (isExternallyAccessible(spec)) {
    appendAll(errors, choiceErrors(spec.externalTrafficPolicy, ['Cluster', 'Local'], external));
  } else if (spec.externalTrafficPolicy) {
    errors.push(
      field.invalid(external, spec.externalTrafficPolicy, 'may only be set for externally-accessible services'),
    );
  }
  const port = spec.healthCheckNodePort ?? 0;
  const health = root.child('healthCheckNodePort');
  if (!needsHealthCheck(spec)) {
    const detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
    if (port !== 0) errors.push(field.invalid(health, port, detail));
  } else if (port === 0) errors.push(field.required(health));
  else appendAll(errors, numberErrors(port, health));
  if (spec.internalTrafficPolicy !== undefined || spec.type !== 'ExternalName') {
    appendAll(
      errors,
      choiceErrors(spec.internalTrafficPolicy, ['Cluster', 'Local'], root.child('internalTrafficPolicy')),
    );
  }
  if (spec.trafficDistribution !== undefined) {
    const values = ['PreferClose', 'PreferSameZone', 'PreferSameNode'];
    appendAll(errors, choiceErrors(spec.trafficDistribution, values, root.child('trafficDistribution')));
  }
  return errors;
}

function changeErrors({ spec }: Service, { spec: old }: Service): FieldError[] {
  const errors = clusterIpChangeErrors(spec, old);
  if (spec.type === 'LoadBalancer' && old.type === 'LoadBalancer' && spec.loadBalancerClass !== old.loadBalancerClass) {
    const value = spec.loadBalancerClass ?? null;
    errors.push(field.invalid(root.child('loadBalancerClass'), value, 'may not change once set'));
  }
  if (needsHealthCheck(spec) && needsHealthCheck(old) && spec.healthCheckNodePort !== old.healthCheckNodePort) {
    errors.push(field.forbidden(root.child('healthCheckNodePort'), 'field is immutable'));
  }
  return errors;
}

function balancerStatusErrors({ spec, status }: Service, old: Service): FieldError[] {
  const path = FieldPath.of('status', 'loadBalancer', 'ingress');
  const ingress = status?.loadBalancer?.ingress ?? [];
  if (spec.type !== 'LoadBalancer' && ingress.length > 0) {
    return [field.forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'")];
  }
  const known = new Set(old.status?.loadBalancer?.ingress?.map(({ ip }) => ip ?? ''));
  return ingress.flatMap(({ ip, ipMode, hostname }, i) => {
    const at = path.index(i);
    const errors = ip ? validateIp(at.child('ip'), ip, known) : [];
    if (ipMode === undefined) {
      if (ip) errors.push(field.required(at.child('ipMode'), 'must be specified when `ip` is set'));
    } else if (!ip) errors.push(field.forbidden(at.child('ipMode'), 'may not be specified when `ip` is not set'));
    else appendAll(errors, choiceErrors(ipMode, ['Proxy', 'VIP'], at.child('ipMode')));
    if (hostname) appendAll(errors, formatErrors(isDNS1123Subdomain, hostname, at.child('hostname')));
    return errors;
  });
}
