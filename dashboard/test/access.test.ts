import { expect, test } from 'vitest';
import { ConfigurationError, type Config, loadConfig } from '../src/config';
import { brakeChoices, isOver, mayAsk, progressOf, progressWords, roleOf } from '../src/model/command';
import { ago } from './docs';

function serving(files: Record<string, unknown>) {
  return (address: string): Promise<Response> => {
    const found = files[address];
    if (found === undefined) return Promise.resolve(new Response('no', { status: 404 }));
    return Promise.resolve(typeof found === 'string' ? new Response(found) : Response.json(found));
  };
}

const emulators = { auth: '127.0.0.1:1', firestore: '127.0.0.1:2' };
const local: Config = { projectId: 'demo-desk', apiKey: 'demo', emulators };
const real: Config = { projectId: 'desk-of-mine', apiKey: 'k' };
const INIT = '/__/firebase/init.json';

test('a real project on Hosting has the first word', async () => {
  expect(await loadConfig(serving({ [INIT]: real, '/config.json': local }))).toEqual(real);
});

test('the local suite is told by the file beside the page', async () => {
  expect(await loadConfig(serving({ [INIT]: { projectId: 'demo-desk', apiKey: 'x' }, '/config.json': local }))).toEqual(local);
  expect(await loadConfig(serving({ '/config.json': local }))).toEqual(local);
});

test('emulators are heard of demo projects only', async () => {
  expect(await loadConfig(serving({ '/config.json': { ...real, emulators } }))).toEqual(real);
  expect(await loadConfig(serving({ [INIT]: { ...real, emulators } }))).toEqual(real);
});

test.each([
  [{}],
  [{ '/config.json': '<!doctype html>' }],
  [{ '/config.json': {} }],
  [{ '/config.json': { projectId: '', apiKey: 'x' } }],
  [{ '/config.json': null }],
])('with %o the page refuses to start', async (files) => {
  await expect(loadConfig(serving(files as Record<string, unknown>))).rejects.toThrow(ConfigurationError);
});

test('a role is one of three words', () => {
  expect(['owner', 'operator', 'viewer'].map(roleOf)).toEqual(['owner', 'operator', 'viewer']);
  expect([undefined, null, '', 'admin', 1, ['owner']].map(roleOf)).toEqual([null, null, null, null, null, null]);
});

test('the brake offers what a role may ask in a state', () => {
  expect(brakeChoices('owner', 'ACTIVE')).toEqual(['halt', 'reduce']);
  expect(brakeChoices('owner', 'REDUCING')).toEqual(['halt', 'resume']);
  expect(brakeChoices('owner', 'HALTED')).toEqual(['resume']);
  expect(brakeChoices('operator', 'HALTED')).toEqual([]);
  expect(brakeChoices('operator', 'REDUCING')).toEqual(['halt']);
  expect(brakeChoices('viewer', 'ACTIVE')).toEqual([]);
  expect(mayAsk('operator', 'resume')).toBe(false);
});

test('a command is over when the desk has answered', () => {
  const done = progressOf({ status: 'done', result: { ok: true, message: 'Halted.', at: ago(0) } });
  expect([isOver(done), progressWords(done)]).toEqual([true, 'Halted.']);
  expect(progressOf({ status: 'new', result: null })).toEqual({ step: 'waiting' });
  expect(progressOf({ status: 'executing', result: null })).toEqual({ step: 'executing' });
  expect(progressWords(progressOf({ status: 'refused', result: null }))).toBe('Refused without a reason.');
});

test('every step has words', () => {
  for (const step of ['sending', 'waiting', 'executing', 'slow'] as const) {
    expect(progressWords({ step })).not.toBe('');
    expect(isOver({ step })).toBe(false);
  }
});
