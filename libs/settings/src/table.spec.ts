import assert from 'node:assert/strict';
import { flagsOf } from './flags.js';
import { flagLayer, resolveSettings } from './resolve.js';
import { flagName, PROGRAMS, settingsOf } from './setting.js';
import { KEPT_SETTINGS, SECTIONS, SETTINGS } from './table.js';

describe('The table of settings', () => {
  test('has each key once, and each flag of a program once', () => {
    const twice = (names: string[]) => names.filter((name, index) => names.indexOf(name) !== index);
    assert.deepEqual(twice(SETTINGS.map(({ key }) => key)), []);
    for (const program of PROGRAMS) assert.deepEqual(twice(flagsOf(program).map(({ name }) => name)), [], program);
  });

  test('has every section, and settings in each', () => {
    for (const { title, settings } of SECTIONS) assert.ok(settingsOf(settings).length > 0, title);
  });

  test('gives the user of up whatever a process takes', () => {
    assert.deepEqual(
      SETTINGS.filter((setting) => !flagName(setting, 'up')).map(({ key }) => key),
      [],
    );
  });

  test('has defaults that its own checks accept, of the type of the setting', () => {
    for (const program of PROGRAMS) assert.ok(resolveSettings(program, []), program);
    for (const { key, type, default: value } of SETTINGS) {
      if (value !== undefined) assert.equal(typeof value, type, key);
    }
  });

  test('gives a switch no argument, and other settings one', () => {
    for (const { key, type, argument } of SETTINGS) assert.equal(argument === undefined, type === 'boolean', key);
  });

  test('keeps all settings but those that only a call needs', () => {
    const left = SETTINGS.filter((setting) => !KEPT_SETTINGS.includes(setting)).map(({ key }) => key);
    assert.deepEqual(left, ['dataDir', 'config', 'timeout']);
  });

  test('refuses a value that is not of the type of its number or switch', () => {
    for (const setting of SETTINGS.filter(({ type }) => type !== 'string')) {
      const name = flagName(setting, 'up')!;
      assert.throws(() => resolveSettings('up', [flagLayer('up', { [name]: 'many' })]), {
        name: 'SettingError',
        message: new RegExp(`^--${name}: must be .*: got many$`),
      });
    }
  });
});
