import { describe, expect, it } from 'vitest';
import type { ExperimentDoc } from '../src/generated/documents';
import { armWords, experimentChoices } from '../src/model/experiments';
import { at } from './docs';

const ARM = { outcomes: 0, sum_r: 0, sum_r2: 0, peak_r: 0, drawdown_r: 0, cusum: 0, counts: {} };
const DOC: ExperimentDoc = {
  schema: 1,
  module: 'stocks',
  stage: 'canary',
  champion: 1,
  challenger: 2,
  values: {},
  share: 0.25,
  cost_bps: 2,
  error_rate: 0.05,
  usual: { mean_r: 0, deviation_r: 0, edges: {}, counts: {} },
  champion_arm: ARM,
  challenger_arm: { ...ARM, outcomes: 4, sum_r: -1 },
  ratio: 3.14,
  pinned: false,
  verdict: '',
  steps: [],
  since: at(0),
  updated_at: at(0),
};

describe('an experiment', () => {
  it('says what both arms came to and how sure that is', () => {
    expect(armWords(DOC)).toBe('v2 \u22120.25 R in 4 against v1 +0.00 R in 0, likelihood ratio 3.1 of 20');
  });

  it('offers what its stage allows', () => {
    const labels = (more: Partial<ExperimentDoc>) => experimentChoices({ ...DOC, ...more }).map(({ label }) => label);
    expect(labels({})).toEqual(['Promote', 'Reject', 'Pin']);
    expect(labels({ stage: 'champion' })).toEqual(['Roll back', 'Pin']);
    expect(labels({ stage: 'rejected', pinned: true })).toEqual(['Unpin']);
  });
});
