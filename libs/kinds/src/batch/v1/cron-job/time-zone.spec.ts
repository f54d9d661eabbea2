import assert from 'node:assert/strict';
import { timeZoneProblem } from './cron-schedule.js';

describe('time zones', () => {
  it.each([
    '',
    'UTC',
    'Local',
    'Europe/Berlin',
    'Etc/UTC',
    'US/Eastern',
    'GMT',
    'GB',
    'Asia/Kolkata',
    'Etc/GMT+5',
    'EST5EDT',
  ])('knows %j', (zone) => assert.equal(timeZoneProblem(zone), undefined));

  it.each([
    'europe/berlin',
    'EUROPE/BERLIN',
    'us/eastern',
    'utc',
    'gmt',
    'local',
    'Mars/Phobos',
    '+05:00',
    '-03',
    'Europe',
  ])('does not know %j, as Go', (zone) => assert.equal(timeZoneProblem(zone), `unknown time zone ${zone}`));
});
