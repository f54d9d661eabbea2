import assert from 'node:assert/strict';
import type { CertificateSigningRequest } from '#kinds';
import { validityOf } from './certificate-signers.js';
import { requestExpiry } from './certificate-signing-request-cleaner.plan.js';

const CREATED = '2030-01-01T00:00:00Z';
const LATER = '2030-01-01T10:00:00Z';
const HOUR = 3_600_000;

const request = (status: CertificateSigningRequest['status']): CertificateSigningRequest => ({
  apiVersion: 'certificates.k8s.io/v1',
  kind: 'CertificateSigningRequest',
  metadata: { name: 'r', creationTimestamp: CREATED },
  spec: { request: '', signerName: 'kubernetes.io/kubelet-serving', usages: [] },
  status,
});
const condition = (type: string) => ({ type, status: 'True', lastUpdateTime: LATER });

describe('requestExpiry', () => {
  const rows: [what: string, status: CertificateSigningRequest['status'], hoursAfterCreation: number | undefined][] = [
    ['pending', {}, 24],
    ['approved and issued', { conditions: [condition('Approved')], certificate: 'eA==' }, 11],
    ['approved and not issued', { conditions: [condition('Approved')] }, 34],
    ['denied', { conditions: [condition('Denied')] }, 11],
    ['failed', { conditions: [condition('Approved'), condition('Failed')] }, 11],
    ['without a time', { conditions: [{ type: 'Denied', status: 'True' }] }, undefined],
    ['another condition', { conditions: [condition('Example')] }, undefined],
  ];
  for (const [what, status, hours] of rows) {
    test(what, () => {
      const expected = hours === undefined ? undefined : Date.parse(CREATED) + hours * HOUR;
      assert.equal(requestExpiry(request(status)), expected);
    });
  }
});

describe('validityOf', () => {
  const rows: [what: string, seconds: number | undefined, minutesToEnd: number][] = [
    ['no wish: a year, less the backdating', undefined, 365 * 24 * 60 - 5],
    ['more than a year', 400 * 24 * 3600, 365 * 24 * 60 - 5],
    ['a day', 24 * 3600, 24 * 60 - 5],
    ['eight hours', 8 * 3600, 8 * 60 - 5],
    ['less: the whole of it', 8 * 3600 - 60, 8 * 60 - 1],
    ['ten minutes at least', 60, 10],
  ];
  for (const [what, seconds, minutes] of rows) {
    test(what, () => {
      const { notBefore, notAfter } = validityOf(seconds, 0);
      assert.equal(notBefore.getTime(), -5 * 60_000);
      assert.equal(notAfter.getTime(), minutes * 60_000);
    });
  }
});
