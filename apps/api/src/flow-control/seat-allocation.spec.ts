import assert from 'node:assert/strict';
import { allocateSeats, type SeatClaim } from './seat-allocation.js';
import { SeatDemand } from './seat-demand.js';

describe('the division of seats', () => {
  const claim = (low: number, target: number, high: number): SeatClaim => ({ low, high, target });
  const rows: [string, number, SeatClaim[], number[] | undefined][] = [
    ['is by targets where no bound matters', 30, [claim(0, 10, 99), claim(0, 20, 99)], [10, 20]],
    ['gives more than targets where there is more', 60, [claim(0, 10, 99), claim(0, 20, 99)], [20, 40]],
    ['keeps to a lower bound', 30, [claim(10, 10, 99), claim(0, 40, 99)], [10, 20]],
    ['keeps to an upper bound', 60, [claim(0, 10, 12), claim(0, 20, 99)], [12, 48]],
    ['gives the least where that is all', 15, [claim(5, 10, 99), claim(10, 20, 99)], [5, 10]],
    ['gives the most where that is all', 30, [claim(0, 10, 10), claim(0, 5, 20)], [10, 20]],
    ['treats no demand as a little', 10, [claim(0, 0, 99), claim(0, 0, 99)], [5, 5]],
    ['has no solution below the lower bounds', 5, [claim(5, 10, 99), claim(10, 20, 99)], undefined],
    ['has no solution above the upper bounds', 99, [claim(0, 10, 10), claim(0, 5, 20)], undefined],
  ];
  for (const [title, sum, claims, expected] of rows) {
    test(title, () => {
      const shares = allocateSeats(sum, claims)?.shares.map((share) => Math.round(share * 1e6) / 1e6);
      assert.deepEqual(shares, expected);
    });
  }
});

describe('the demand for seats', () => {
  test('has the average, the deviation and the maximum of its period', () => {
    const demand = new SeatDemand(0);
    demand.set(10, 0);
    demand.set(0, 5);
    demand.update(10);
    assert.deepEqual([demand.average, demand.deviation, demand.highWatermark, demand.smoothed], [5, 5, 10, 10]);
    demand.update(20);
    assert.deepEqual([demand.average, demand.highWatermark], [0, 0]);
    assert.equal(demand.smoothed, 0.977 * 10);
  });
});
