import { describeRules } from '../../../testing/rule-table.js';
import { deviceClassValidator } from './device-class.validation.js';

const long = () => ({ cel: { expression: 'x'.repeat(10_241) } });

describeRules({
  path: 'resource.k8s.io/v1/deviceclasses',
  validator: deviceClassValidator,
  valid: {
    spec: {
      selectors: [{ cel: { expression: 'true' } }],
      config: [{ opaque: { driver: 'example.com', parameters: { a: 1 } } }],
      extendedResourceName: 'example.com/gpu',
    },
  },
  rows: {
    'selectors: at most 32, with an expression of at most 10240 bytes': [
      {
        create: ({ spec }) => (spec.selectors = [{}, long()]),
        errors: [
          'spec.selectors[0].cel: Required value',
          'spec.selectors[1].cel.expression: Too long: may not be more than 10240 bytes',
        ],
      },
      { stored: ({ spec }) => (spec.selectors = [long()]), update: ({ spec }) => (spec.config = []), errors: [] },
    ],
    'expressions compile, give a bool or an attribute, and cost at most 1000000 units': [
      {
        create: ({ spec }) => (spec.selectors[0].cel.expression = 'device.driver'),
        errors: [
          'spec.selectors[0].cel.expression: Invalid value: "device.driver": must evaluate to bool or the unknown type, not string',
        ],
      },
      {
        stored: ({ spec }) => (spec.selectors[0].cel.expression = '1'),
        update: ({ spec }) => spec.selectors.push({ cel: { expression: 'true' } }),
        errors: [
          'spec.selectors[0].cel.expression: Invalid value: "1": must evaluate to bool or the unknown type, not int',
        ],
      },
    ],
    'config: at most 32, with a driver and parameters that are a JSON object of at most 10240 bytes': [
      {
        create: ({ spec }) => (spec.config = [{}, { opaque: { driver: 'a'.repeat(64) } }]),
        errors: [
          'spec.config[0].opaque: Required value',
          'spec.config[1].opaque.parameters: Required value',
          'spec.config[1].opaque.driver: Too long: may not be more than 63 characters',
        ],
      },
      {
        create: ({ spec }) => (spec.config = Array.from({ length: 33 }, () => ({}))),
        errors: ['spec.config: Too many: 33: must have at most 32 items'],
      },
    ],
    'extendedResourceName is the name of an extended resource': [
      {
        create: ({ spec }) => (spec.extendedResourceName = 'cpu'),
        errors: ['spec.extendedResourceName: Invalid value: "cpu": must be a valid extended resource name'],
      },
    ],
  },
});
