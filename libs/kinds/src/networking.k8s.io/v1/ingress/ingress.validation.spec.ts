import { describeRules } from '../../../testing/rule-table.js';
import { words } from '../../../testing/spec-support.js';
import { ingressValidator } from './ingress.validation.js';

const backend = () => ({ service: { name: 'web', port: { number: 80 } } });
const wildcardForm =
  "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const path = 'spec.rules[0].http.paths[0]';

describeRules({
  path: 'networking.k8s.io/v1/ingresses',
  validator: ingressValidator,
  valid: {
    metadata: { annotations: { 'kubernetes.io/ingress.class': 'nginx' } },
    spec: {
      ingressClassName: 'nginx',
      defaultBackend: { resource: { apiGroup: 'example.com', kind: 'Bucket', name: 'static' } },
      tls: [{ hosts: ['a.example.com', '*.example.com'], secretName: 'tls' }],
      rules: [{ host: '*.example.com', http: { paths: [{ path: '/a', pathType: 'Prefix', backend: backend() }] } }],
    },
  },
  rows: {
    'rules or defaultBackend are required': [
      {
        create: (ingress) => (ingress.spec = {}),
        errors: ['spec: Invalid value: null: either `defaultBackend` or `rules` must be specified'],
      },
    ],
    'host: a DNS name or a wildcard, not an address': [
      {
        create: ({ spec }) => (spec.rules[0].host = '10.0.0.1'),
        errors: ['spec.rules[0].host: Invalid value: "10.0.0.1": must be a DNS name, not an IP address'],
      },
      {
        create: ({ spec }) => (spec.rules[0].host = 'a.*.example.com'),
        errors: [`spec.rules[0].host: Invalid value: "a.*.example.com": ${wildcardForm}`],
      },
      {
        create: ({ spec }) => (spec.rules[0].host = 'A'),
        errors: [`spec.rules[0].host: Invalid value: "A": ${words.subdomain}`],
      },
    ],
    'paths are required; so is pathType, one of Exact, ImplementationSpecific, Prefix': [
      {
        create: ({ spec }) => (spec.rules[0].http.paths = []),
        errors: ['spec.rules[0].http.paths: Required value'],
      },
      {
        create: ({ spec }) => (spec.rules[0].http.paths = [{ path: 'x' }]),
        errors: [`${path}.pathType: Required value: pathType must be specified`],
      },
      {
        create: ({ spec }) => (spec.rules[0].http.paths[0].pathType = 'Regex'),
        errors: [
          `${path}.pathType: Unsupported value: "Regex": supported values: "Exact", "ImplementationSpecific", "Prefix"`,
        ],
      },
    ],
    'a path starts with /; those of type Exact and Prefix have no empty, dot or escaped segments': [
      {
        create: ({ spec }) => (spec.rules[0].http.paths[0].path = ''),
        errors: [`${path}.path: Invalid value: "": must be an absolute path`],
      },
      {
        create: ({ spec }) => (spec.rules[0].http.paths[0].path = '/a//b/../%2f/.'),
        errors: [
          `${path}.path: Invalid value: "/a//b/../%2f/.": must not contain '//'`,
          `${path}.path: Invalid value: "/a//b/../%2f/.": must not contain '/../'`,
          `${path}.path: Invalid value: "/a//b/../%2f/.": must not contain '%2f'`,
          `${path}.path: Invalid value: "/a//b/../%2f/.": cannot end with '/.'`,
        ],
      },
      {
        create: ({ spec }) =>
          Object.assign(spec.rules[0].http.paths[0], { path: 'a', pathType: 'ImplementationSpecific' }),
        errors: [`${path}.path: Invalid value: "a": must be an absolute path`],
      },
      {
        create: ({ spec }) =>
          Object.assign(spec.rules[0].http.paths[0], { path: '', pathType: 'ImplementationSpecific' }),
        errors: [],
      },
    ],
    'backend: exactly one of service and resource': [
      {
        create: ({ spec }) => Object.assign(spec.defaultBackend, backend()),
        errors: ['spec.defaultBackend: Invalid value: "": cannot set both resource and service backends'],
      },
      {
        create: ({ spec }) => (spec.rules[0].http.paths[0].backend = {}),
        errors: [`${path}.backend: Invalid value: "": resource or service backend is required`],
      },
    ],
    'the port of a service is a name or a number': [
      {
        create: ({ spec }) => (spec.defaultBackend = { service: { name: 'A.b' } }),
        errors: [
          `spec.defaultBackend.service.name: Invalid value: "A.b": ${words.label}`,
          'spec.defaultBackend: Required value: port name or number is required',
        ],
      },
      {
        create: ({ spec }) => (spec.defaultBackend = { service: { port: { name: 'a', number: 1 } } }),
        errors: [
          'spec.defaultBackend.service.name: Required value',
          'spec.defaultBackend: Invalid value: "": cannot set both port name & port number',
        ],
      },
      {
        create: ({ spec }) => (spec.defaultBackend = { service: { name: 'a', port: { number: -1 } } }),
        errors: ['spec.defaultBackend.service.port.number: Invalid value: -1: must be between 1 and 65535, inclusive'],
      },
      {
        create: ({ spec }) => (spec.defaultBackend = { service: { name: 'a', port: { name: '1' } } }),
        errors: ['spec.defaultBackend.service.port.name: Invalid value: "1": must contain at least one letter (a-z)'],
      },
    ],
    'a resource has kind and name': [
      {
        create: ({ spec }) => (spec.defaultBackend.resource = { apiGroup: 'A', kind: '', name: 'a/b' }),
        errors: [
          `spec.defaultBackend.resource.apiGroup: Invalid value: "A": ${words.subdomain}`,
          'spec.defaultBackend.resource.kind: Required value',
          `spec.defaultBackend.resource.name: Invalid value: "a/b": may not contain '/'`,
        ],
      },
    ],
    'hosts of tls are DNS names or wildcards, secretName is the name of a Secret': [
      {
        create: ({ spec }) => (spec.tls[0] = { hosts: ['*', 'A'], secretName: 'B' }),
        errors: [
          `spec.tls[0].hosts[0]: Invalid value: "*": ${wildcardForm}`,
          `spec.tls[0].hosts[1]: Invalid value: "A": ${words.subdomain}`,
          `spec.tls[0].secretName: Invalid value: "B": ${words.subdomain}`,
        ],
      },
    ],
    'ingressClassName is a name': [
      {
        create: (ingress) => {
          ingress.metadata = {};
          ingress.spec.ingressClassName = 'A';
        },
        errors: [`spec.ingressClassName: Invalid value: "A": ${words.subdomain}`],
      },
    ],
    'the annotation kubernetes.io/ingress.class and ingressClassName agree on create': [
      {
        create: ({ spec }) => (spec.ingressClassName = 'other'),
        errors: [
          'annotations.kubernetes.io/ingress.class: Invalid value: "nginx": must match `ingressClassName` when both are specified',
        ],
      },
      { update: ({ spec }) => (spec.ingressClassName = 'other'), errors: [] },
    ],
    'an update keeps wildcard rules and names of Secrets that an older release accepted': [
      {
        stored: ({ spec }) => {
          spec.tls[0].secretName = 'B';
          spec.rules[0].http.paths[0].path = 'x';
        },
        update: ({ spec }) => (spec.tls[0].hosts = []),
        errors: [],
      },
      {
        update: ({ spec }) => (spec.rules[0].http.paths[0].path = 'x'),
        errors: [`${path}.path: Invalid value: "x": must be an absolute path`],
      },
    ],
    'status: addresses and host names of the load balancer': [
      {
        endpoint: 'status',
        stored: (ingress) => (ingress.status = { loadBalancer: { ingress: [{ ip: '010.0.0.1' }] } }),
        update: ({ status }) => status.loadBalancer.ingress.push({ ip: '10.0.0.01' }, { hostname: '10.0.0.1' }),
        errors: [
          'status.loadBalancer.ingress[1].ip: Invalid value: "10.0.0.01": must not have leading 0s',
          'status.loadBalancer.ingress[2].hostname: Invalid value: "10.0.0.1": must be a DNS name, not an IP address',
        ],
      },
    ],
  },
});
