import { expect, test } from 'vitest';
import { ConfigurationError, type Config, loadConfig } from '../src/config';
import {
  type BrakeView,
  brakeArgs,
  brakeChoices,
  isOver,
  mayAsk,
  progressOf,
  progressWords,
  resolveArgs,
  roleOf,
} from '../src/model/command';
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
  const brake = (state: BrakeView['state'], more: Partial<BrakeView> = {}): BrakeView => ({ state, flatten: false, breach: '', ...more });
  expect(brakeChoices('owner', brake('ACTIVE'))).toEqual(['halt', 'reduce', 'flatten']);
  expect(brakeChoices('owner', brake('REDUCING'))).toEqual(['halt', 'resume', 'flatten']);
  expect(brakeChoices('owner', brake('HALTED'))).toEqual(['resume', 'flatten']);
  expect(brakeChoices('operator', brake('HALTED'))).toEqual(['flatten']);
  expect(brakeChoices('operator', brake('HALTED', { flatten: true }))).toEqual([]);
  expect(brakeChoices('operator', brake('REDUCING', { breach: 'drawdown' }))).toEqual(['halt', 'flatten']);
  expect(brakeChoices('owner', brake('REDUCING', { breach: 'drawdown' }))).toEqual(['halt', 'resume', 'rearm', 'flatten']);
  expect(brakeChoices('viewer', brake('ACTIVE'))).toEqual([]);
  expect(mayAsk('operator', 'resume')).toBe(false);
});

test('closing everything is confirmed by what was typed', () => {
  expect(brakeArgs('flatten', { acceptLoss: true, typed: ' Flatten ' })).toEqual({ confirm: 'flatten' });
  expect(brakeArgs('resume', { acceptLoss: true, typed: '' })).toEqual({ accept_loss: 'yes' });
  expect(brakeArgs('resume', { acceptLoss: false, typed: '' })).toEqual({});
  expect(brakeArgs('rearm', { acceptLoss: true, typed: 'flatten' })).toEqual({});
});

test('an order is resolved as filled only with a quantity and a price', () => {
  const given = { outcome: 'filled', qty: '10', price: '99.5' } as const;
  expect(resolveArgs('s1', given)).toEqual({ order: 's1', outcome: 'filled', qty: '10', price: '99.5' });
  for (const wrong of ['', '-1', '0', '1e3', 'ten', '1,5']) {
    expect(resolveArgs('s1', { ...given, qty: wrong })).toBeNull();
  }
  expect(resolveArgs('s1', { ...given, price: '' })).toBeNull();
  expect(resolveArgs('s1', { ...given, price: '0' })).toEqual({ order: 's1', outcome: 'filled', qty: '10', price: '0' });
  expect(resolveArgs('s1', { outcome: 'cancelled', qty: '', price: '' })).toEqual({ order: 's1', outcome: 'cancelled' });
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
