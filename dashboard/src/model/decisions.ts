// Why each trade was or was not taken: the opportunities of the last cycles with their verdicts.
import type { CycleDoc, CycleStatus, DenialCode, ModuleName, OpportunityTrace } from '../generated/documents';
import { DENIAL_CODE } from '../generated/documents';
import type { WithId } from './desk';
import { readableSymbol } from './positions';
import { type EpochMs, type Quantity, epoch, quantity } from './units';

export interface CycleRow {
  readonly id: string;
  readonly module: ModuleName;
  readonly at: EpochMs;
  readonly status: CycleStatus;
  readonly note: string;
  readonly taken: number;
  readonly denied: number;
  readonly missing: readonly string[];
  readonly decisions: readonly DecisionRow[];
}

export interface DecisionRow {
  readonly key: string;
  readonly symbol: string;
  readonly strategy: string;
  /** "buy", "sell", or what the order is for when it is not an entry. */
  readonly action: string;
  /** 0 to 1; null for what closes or protects, which is not a matter of confidence. */
  readonly confidence: number | null;
  readonly verdict: 'approved' | 'resized' | 'denied';
  readonly quantity: Quantity | null;
  readonly reason: string;
  /** What limited it or why it was refused, in words. */
  readonly why: string;
  readonly code: string | null;
  readonly observed: string | null;
  readonly limit: string | null;
}

export type Filter = 'all' | 'taken' | 'denied';

const WORDS: Record<DenialCode, string> = {
  DESK_HALTED: 'desk is halted',
  DESK_REDUCING: 'desk only reduces',
  SESSION_CLOSED: 'market is closed',
  CONFIDENCE_BELOW_MIN: 'confidence too low',
  PROFIT_CHANCE_BELOW_MIN: 'unlikely to earn',
  QUOTE_MISSING: 'no quote',
  QUOTE_ONE_SIDED: 'quote has one side only',
  QUOTE_AGE_ABOVE_MAX: 'quote too old',
  SPREAD_ABOVE_MAX: 'spread too wide',
  PRICE_COLLAR_ABOVE_MAX: 'price too far from the market',
  ACCOUNT_MISSING: 'account unknown',
  MODULE_ALLOCATION_ABOVE_MAX: 'module allowance used up',
  SYMBOL_CONCENTRATION_ABOVE_MAX: 'too much in one symbol',
  GROSS_EXPOSURE_ABOVE_MAX: 'desk exposure too high',
  DAILY_LOSS_ABOVE_MAX: 'daily loss limit reached',
  BUYING_POWER_BELOW_MIN: 'not enough buying power',
  OPEN_POSITIONS_ABOVE_MAX: 'too many positions',
  ORDER_COUNT_ABOVE_MAX: 'too many orders at once',
  ORDER_SIZE_BELOW_MIN: 'order too small',
  POSITION_DUPLICATE: 'already held',
  POSITION_MISSING: 'nothing to close',
  PROTECTION_BELOW_MIN: 'would protect less than before',
  REFUSALS_ABOVE_MAX: 'refused by the venue too often: waits',
  SYMBOL_FROZEN: 'symbol frozen by an unknown order',
  SYMBOL_QUARANTINED: 'symbol quarantined until book and venue agree',
  SYMBOL_HALTED: 'trading in it is halted',
  SYMBOL_BARRED: 'barred by the owner or for its data',
  PEG_MISSING: 'price of the stablecoin unknown',
  PEG_DEVIATION_ABOVE_MAX: 'stablecoin off its peg',
  STRATEGY_ALLOCATION_ABOVE_MAX: 'strategy allowance used up',
  SECTOR_CONCENTRATION_ABOVE_MAX: 'too much in one sector',
  GROUP_CONCENTRATION_ABOVE_MAX: 'too much in what moves together',
  VENUE_EXPOSURE_ABOVE_MAX: 'too much at one venue',
  NET_EXPOSURE_ABOVE_MAX: 'net exposure too high',
  LEVERAGE_ABOVE_MAX: 'leverage too high',
  WEEKLY_LOSS_ABOVE_MAX: 'weekly loss limit reached',
  DRAWDOWN_ABOVE_MAX: 'drawdown limit reached',
  VAR_ABOVE_MAX: 'value at risk too high',
  CVAR_ABOVE_MAX: 'expected shortfall too high',
  SHOCK_LOSS_ABOVE_MAX: 'a shock would cost too much',
  DELTA_ABOVE_MAX: 'delta of the underlying too high',
  GAMMA_ABOVE_MAX: 'gamma of the underlying too high',
  VEGA_ABOVE_MAX: 'vega of the underlying too high',
  THETA_ABOVE_MAX: 'theta of the underlying too high',
  GREEKS_MISSING: 'Greeks unknown',
  SETTLEMENT_PHYSICAL: 'does not settle in cash',
  RISK_UNDEFINED: 'largest loss not defined',
  ORDER_RATE_ABOVE_MAX: 'too many orders in this time',
  VOLUME_SHARE_ABOVE_MAX: 'too large for the volume',
  TOUCH_SHARE_ABOVE_MAX: 'too large for the book',
  SHORT_SALE: 'would sell what is not held',
  SELF_CROSS: 'another module trades against it',
  EXECUTOR_BUSY: 'another run uses the venue\'s key',
  REQUEST_RATE_ABOVE_MAX: 'venue requests used up for now',
  STOP_INVALID: 'stop on the wrong side',
  RULE_FAILED: 'a rule failed, so refused',
};

const isCode = (code: string): code is DenialCode => (DENIAL_CODE as readonly string[]).includes(code);

/** The code in words; a code of a newer desk is shown as it is. */
export function codeWords(code: string): string {
  return isCode(code) ? WORDS[code] : code.toLowerCase().replaceAll('_', ' ');
}

export function cycleRows(cycles: readonly WithId<CycleDoc>[], filter: Filter = 'all'): CycleRow[] {
  return cycles
    .map((cycle) => cycleRow(cycle, filter))
    .filter((row) => row.decisions.length > 0 || (filter === 'all' && isTelling(row)));
}

/** A cycle without opportunities is worth a line only when something went wrong. */
function isTelling(row: CycleRow): boolean {
  return row.status === 'failed' || row.status === 'venue_down' || row.note !== '';
}

function cycleRow(cycle: WithId<CycleDoc>, filter: Filter): CycleRow {
  const denied = cycle.opportunities.filter((one) => one.verdict === 'denied').length;
  return {
    id: cycle.id,
    module: cycle.module,
    at: epoch(cycle.slot),
    status: cycle.status,
    note: cycle.note,
    taken: cycle.opportunities.length - denied,
    denied,
    missing: Object.keys(cycle.missing).sort(),
    decisions: cycle.opportunities
      .map((one, index) => decisionRow(one, `${cycle.id}/${index}`))
      .filter((row) => passes(row, filter))
      .sort((a, b) => Number(a.verdict === 'denied') - Number(b.verdict === 'denied')),
  };
}

function passes(row: DecisionRow, filter: Filter): boolean {
  return filter === 'all' || (filter === 'denied') === (row.verdict === 'denied');
}

function decisionRow(one: OpportunityTrace, key: string): DecisionRow {
  return {
    key,
    symbol: readableSymbol(one.symbol),
    strategy: one.strategy.replaceAll('_', ' '),
    action: one.purpose === 'entry' ? one.side : one.purpose,
    confidence: one.purpose === 'entry' ? Math.min(1, Math.max(0, one.confidence)) : null,
    verdict: one.verdict,
    quantity: one.qty === null ? null : quantity(one.qty),
    reason: one.reason,
    why: whyOf(one),
    code: one.code,
    observed: one.observed,
    limit: one.limit,
  };
}

function whyOf(one: OpportunityTrace): string {
  if (one.code !== null) return codeWords(one.code);
  return one.binding_cap === null || one.purpose !== 'entry' ? '' : `sized by ${one.binding_cap.replaceAll('_', ' ')}`;
}
