// The sign of firedesk: a flame drawn as a rising curve.
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
      <path d="M16 3c1 5-7 8.500-7 16a7 7 0 0 0 14 0c0-3-1.500-5-3-6.500 0 2-1 3.500-2.500 4C18.500 12 18.500 7 16 3z" />
      <path class="mark-base" d="M6 29.500h20" />
    </svg>
  );
}
