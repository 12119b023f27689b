/** A small line of the last hour. Says its last value to those who can't see it. */
export function Sparkline(props: {
  values: readonly number[];
  label: string;
  width?: number;
  height?: number;
}) {
  const { values, width = 120, height = 28 } = props;
  const top = Math.max(1, ...values);
  const step = width / Math.max(1, values.length - 1);
  const points = values.map((value, index) => {
    const x = (index * step).toFixed(1);
    return `${x},${(height - 2 - (value / top) * (height - 4)).toFixed(1)}`;
  });
  return (
    <svg className="sparkline" width={width} height={height} role="img" aria-label={props.label}>
      {values.length > 1 ? (
        <>
          <polygon className="sparkline-area" points={`0,${height} ${points.join(" ")} ${width},${height}`} />
          <polyline className="sparkline-line" points={points.join(" ")} />
        </>
      ) : null}
    </svg>
  );
}
