import type { CreateRow, RuleTable } from '../../../testing/rule-table.js';
import { words } from '../../../testing/spec-support.js';

const cIdentifier =
  "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '[A-Za-z_][A-Za-z0-9_]*')";
const notARequest =
  "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";
const unknownField = "ERROR: <input>:1:7: undefined field 'foo'\n | device.foo\n | ......^";
const one = 'exactly one of `exactly` or `firstAvailable` is required';

export const devices = () => ({
  requests: [
    { name: 'gpu', exactly: { deviceClassName: 'gpu.example.com', selectors: [{ cel: { expression: 'true' } }] } },
    { name: 'any', firstAvailable: [{ name: 'big', deviceClassName: 'big.example.com' }] },
  ],
  constraints: [{ requests: ['gpu', 'any/big'], matchAttribute: 'example.com/numa' }],
  config: [{ requests: ['gpu'], opaque: { driver: 'example.com', parameters: { a: 1 } } }],
});

/** Rows of what asks for devices; `find` gives the devices of a body, `path` is where they are. */
export function deviceClaimRows(path: string, find: (body: any) => any): RuleTable['rows'] {
  const row = (change: (devices: any) => void, ...errors: string[]): CreateRow => ({
    create: Object.assign((body: any) => change(find(body)), { toString: () => change.toString() }),
    errors: errors.map((text) => `${path}.${text}`),
  });
  const request = 'requests[0]';
  return {
    'requests: at most 32, with unique DNS labels as names, each with exactly one of exactly and firstAvailable (at most 8)':
      [
        row(
          (claim) => {
            claim.requests = [
              { name: 'A', exactly: claim.requests[0].exactly, firstAvailable: claim.requests[1].firstAvailable },
              { name: 'a' },
              { name: 'a' },
            ];
            claim.constraints = claim.config = [];
          },
          `requests[0].name: Invalid value: "A": ${words.label}`,
          `requests[0]: Invalid value: null: ${one}, but multiple fields are set`,
          `requests[1]: Required value: ${one}`,
          `requests[2]: Required value: ${one}`,
          'requests[2]: Duplicate value: {"name":"a"}',
        ),
        row(
          (claim) => {
            const { exactly } = claim.requests[0];
            exactly.tolerations = [{ key: 'a', operator: 'Exists', effect: 'None' }];
            const [alternative] = claim.requests[1].firstAvailable;
            claim.requests = [claim.requests[0], { name: 'gpu', exactly }, claim.requests[1]];
            claim.requests[2].firstAvailable.push(alternative);
          },
          'requests[1]: Duplicate value: {"name":"gpu","exactly":{"deviceClassName":"gpu.example.com","selectors":[{"cel":{"expression":"true"}}],"allocationMode":"ExactCount","count":1,"tolerations":[{"key":"a","operator":"Exists","effect":"None"}]}}',
          'requests[2].firstAvailable[1]: Duplicate value: {"name":"big","deviceClassName":"big.example.com","allocationMode":"ExactCount","count":1}',
        ),
        row((claim) => {
          claim.requests = Array.from({ length: 33 }, () => ({}));
          claim.constraints = claim.config = [];
        }, 'requests: Too many: 33: must have at most 32 items'),
      ],
    'deviceClassName is required and a name': [
      row(
        (claim) => {
          claim.requests[0].exactly.deviceClassName = 'A';
          claim.requests[1].firstAvailable[0].deviceClassName = '';
        },
        `${request}.exactly.deviceClassName: Invalid value: "A": ${words.subdomain}`,
        'requests[1].firstAvailable[0].deviceClassName: Required value',
      ),
    ],
    'allocationMode is one of All, ExactCount; count is positive with ExactCount and unset with All': [
      row(
        (claim) => Object.assign(claim.requests[0].exactly, { allocationMode: 'All', count: 2 }),
        `${request}.exactly.count: Invalid value: 2: must not be specified when allocationMode is 'All'`,
      ),
      row(
        (claim) => Object.assign(claim.requests[0].exactly, { allocationMode: 'ExactCount', count: -1 }),
        `${request}.exactly.count: Invalid value: -1: must be greater than zero`,
      ),
      row(
        (claim) => (claim.requests[0].exactly.allocationMode = 'Some'),
        `${request}.exactly.allocationMode: Unsupported value: "Some": supported values: "All", "ExactCount"`,
      ),
    ],
    'selectors: at most 32, with an expression of at most 10240 bytes': [
      row(
        (claim) => (claim.requests[0].exactly.selectors = [{}, { cel: { expression: 'x'.repeat(10_241) } }]),
        `${request}.exactly.selectors[0].cel: Required value`,
        `${request}.exactly.selectors[1].cel.expression: Too long: may not be more than 10240 bytes`,
      ),
    ],
    'expressions compile, give a bool or an attribute, and cost at most 1000000 units': [
      row(
        (claim) => {
          claim.requests[0].exactly.selectors = [{ cel: { expression: '1' } }, { cel: { expression: 'device.foo' } }];
          claim.requests[1].firstAvailable[0].selectors = [{ cel: { expression: 'device.driver' } }];
        },
        `${request}.exactly.selectors[0].cel.expression: Invalid value: "1": must evaluate to bool or the unknown type, not int`,
        `${request}.exactly.selectors[1].cel.expression: Invalid value: "device.foo": compilation failed: ${unknownField}`,
        'requests[1].firstAvailable[0].selectors[0].cel.expression: Invalid value: "device.driver": must evaluate to bool or the unknown type, not string',
      ),
    ],
    'tolerations: key is a label key, operator is one of Equal, Exists, effect is one of NoExecute, NoSchedule, None': [
      row(
        (claim) =>
          (claim.requests[0].exactly.tolerations = [
            { operator: 'Exists', value: 'a' },
            { key: '-', operator: 'Equal', value: '-', effect: 'Odd' },
          ]),
        `${request}.exactly.tolerations[0].value: Invalid value: "a": must be empty for operator \`Exists\``,
        `${request}.exactly.tolerations[1].value: Invalid value: "-": ${words.labelValue}`,
        `${request}.exactly.tolerations[1].key: Invalid value: "-": ${words.namePart}`,
        `${request}.exactly.tolerations[1].effect: Unsupported value: "Odd": supported values: "NoExecute", "NoSchedule", "None"`,
      ),
    ],
    'constraints: at most 32, with matchAttribute or distinctAttribute, for requests of the claim': [
      row(
        (claim) =>
          (claim.constraints = [
            { requests: ['gpu', 'gpu', 'any/small', 'a/b/c'] },
            { matchAttribute: 'numa' },
            { distinctAttribute: 'example.com/1' },
            { matchAttribute: '/' },
          ]),
        `constraints[0].requests[2]: Invalid value: "any/small": ${notARequest}`,
        `constraints[0].requests[3]: Invalid value: "a/b/c": ${notARequest}`,
        'constraints[0]: Required value: exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set',
        'constraints[0].requests[1]: Duplicate value: "gpu"',
        'constraints[1].matchAttribute: Invalid value: "numa": a fully qualified name must be a domain and a name separated by a slash',
        `constraints[2].distinctAttribute: Invalid value: "1": ${cIdentifier}`,
        'constraints[3].matchAttribute: Invalid value: "": prefix must not be empty',
        'constraints[3].matchAttribute: Invalid value: "": name must not be empty',
      ),
    ],
    'config: at most 32, with a driver and parameters that are a JSON object of at most 10240 bytes, for requests of the claim':
      [
        row(
          (claim) =>
            (claim.config = [
              {},
              { requests: ['b'], opaque: { driver: '', parameters: { a: 'x'.repeat(10_241) } } },
              { opaque: { driver: 'a', parameters: 'x' } },
            ]),
          'config[0].opaque: Required value',
          `config[1].requests[0]: Invalid value: "b": ${notARequest}`,
          'config[1].opaque.parameters: Too long: may not be more than 10240 bytes',
          'config[2].opaque.parameters: Invalid value: "<value omitted>": must be a valid JSON object',
          'config[1].opaque.driver: Required value',
        ),
      ],
  };
}
