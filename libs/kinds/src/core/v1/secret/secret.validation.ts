import {
  appendAll,
  deepEqual,
  type FieldError,
  FieldPath,
  field,
  isConfigMapKey,
  isJsonObject,
  ownValue,
} from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import type { Secret } from '../../../generated/types.js';
import { formatErrors, immutableErrors } from '../../../validation/fields.js';
import { frozen } from '../config-map/config-map.validation.js';

const maxBytes = 1024 * 1024;
const dataPath = FieldPath.of('data');
const accountName = 'kubernetes.io/service-account.name';

export const secretValidator: KindValidator = {
  rules: [
    'keys configMapKey; total at most 1048576 bytes',
    'service-account-token needs annotation kubernetes.io/service-account.name',
    'dockercfg needs .dockercfg and dockerconfigjson needs .dockerconfigjson, both valid JSON',
    'basic-auth needs username or password; ssh-auth needs ssh-privatekey; tls needs tls.crt and tls.key',
    { rule: 'stringData is write-only and merged over data', enforcedBy: 'strategy' },
    'immutable: type',
    'immutable: data and immutable itself once immutable is true (Forbidden)',
  ],
  validateCreate: validate,
  validateUpdate(secret: Secret, old: Secret) {
    const errors = immutableErrors(secret.type, old.type, 'type');
    if (old.immutable === true) {
      if (secret.immutable !== true) errors.push(field.forbidden('immutable', frozen));
      if (!deepEqual(secret.data ?? {}, old.data ?? {})) errors.push(field.forbidden('data', frozen));
    }
    return [...errors, ...validate(secret)];
  },
};

function validate(secret: Secret): FieldError[] {
  const data = secret.data ?? {};
  const errors: FieldError[] = [];
  let bytes = 0;
  for (const key in data) {
    appendAll(errors, formatErrors(isConfigMapKey, key, dataPath.key(key)));
    bytes += Buffer.byteLength(data[key]!, 'base64');
  }
  if (bytes > maxBytes) errors.push(field.tooLong(dataPath, maxBytes));
  return [...errors, ...typeErrors(secret, data)];
}

function typeErrors(secret: Secret, data: Record<string, string>): FieldError[] {
  const missing = (...keys: string[]): FieldError[] =>
    keys.filter((key) => ownValue(data, key) === undefined).map((key) => field.required(dataPath.key(key)));
  switch (secret.type) {
    case 'kubernetes.io/service-account-token':
      if (secret.metadata.annotations?.[accountName]) return [];
      return [field.required(FieldPath.of('metadata', 'annotations').key(accountName))];
    case 'kubernetes.io/dockercfg':
      return missing('.dockercfg').concat(jsonErrors(data, '.dockercfg'));
    case 'kubernetes.io/dockerconfigjson':
      return missing('.dockerconfigjson').concat(jsonErrors(data, '.dockerconfigjson'));
    case 'kubernetes.io/basic-auth': {
      const errors = missing('username', 'password');
      return errors.length === 2 ? errors : [];
    }
    case 'kubernetes.io/ssh-auth':
      return data['ssh-privatekey'] ? [] : [field.required(dataPath.key('ssh-privatekey'))];
    case 'kubernetes.io/tls':
      return missing('tls.crt', 'tls.key');
    default:
      return [];
  }
}

/** The value itself stays out of the message. */
function jsonErrors(data: Record<string, string>, key: string): FieldError[] {
  const text = ownValue(data, key);
  if (text === undefined) return [];
  const redacted = '<secret contents redacted>';
  try {
    if (isJsonObject(JSON.parse(Buffer.from(text, 'base64').toString('utf8')))) return [];
    return [field.invalid(dataPath.key(key), redacted, 'must be a JSON object')];
  } catch {
    return [field.invalid(dataPath.key(key), redacted, 'must be valid JSON')];
  }
}
