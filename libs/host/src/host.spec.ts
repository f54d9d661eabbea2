import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { hasCapability, installation, nativeProgram, which } from './index.js';

test('the installation is the folder of the manifest', () => {
  assert.ok(existsSync(join(installation, 'package.json')));
  assert.ok(existsSync(join(installation, 'native')));
});

test('a capability is a bit of the effective set', () => {
  assert.equal(hasCapability('CAP_SYS_RESOURCE', 'CapPrm:\t000001ffffffffff\nCapEff:\t000001fffeffffff\n'), false);
  assert.equal(hasCapability('CAP_SYS_RESOURCE', 'CapEff:\t0000000001000000\n'), true);
  assert.equal(hasCapability('CAP_SYS_RESOURCE', ''), false);
});

test('programs are found on PATH; what is not built is told with the command that builds it', () => {
  assert.ok(existsSync(which('sh')!));
  assert.equal(which('no-such-program'), undefined);
  assert.throws(() => nativeProgram('no-such-program'), /no-such-program is missing: run `npm run build:native`$/);
});
