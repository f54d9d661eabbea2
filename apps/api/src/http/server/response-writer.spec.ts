import assert from 'node:assert/strict';
import { shownWarnings } from './response-writer.js';

const long = (i: number, length: number) => `${String(i).padStart(6, '0')}${'x'.repeat(length - 6)}`;
const many = (count: number, length: number) => Array.from({ length: count }, (_, i) => long(i, length));

describe('warnings of an answer', () => {
  it('are shown once each, and empty ones not', () => {
    assert.deepEqual(shownWarnings(['a', 'b', '', 'a']), ['a', 'b']);
  });

  it('are whole up to 4096 characters', () => {
    const warnings = many(4, 1024);
    assert.deepEqual(shownWarnings(warnings), warnings);
  });

  it('are cut to 256 characters each once they have more, also those before', () => {
    const shown = shownWarnings(many(5, 1024));
    assert.deepEqual(
      shown,
      many(5, 1024).map((text) => text.slice(0, 256)),
    );
  });

  it('end when the cut ones have 4096 characters', () => {
    assert.equal(shownWarnings(many(200_000, 300)).length, 16);
    assert.equal(shownWarnings(many(200_000, 30)).length, 137);
  });

  it('are counted and cut by characters, not by their bytes or halves', () => {
    const shown = shownWarnings(['😀'.repeat(5000)]);
    assert.deepEqual(shown, ['😀'.repeat(256)]);
    assert.deepEqual(shownWarnings(['😀'.repeat(4096)]), ['😀'.repeat(4096)]);
  });
});
