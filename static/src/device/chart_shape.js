export const WIDTH = 600;
export const HEIGHT = 160;
const GAP = 5; // times the usual distance: then the line has a hole
const SHORTEST = 4; // of what is drawn of a point alone
const MINIMUM = 1; // in a point
const MAXIMUM = 2;
const MEAN = 3;
const FLAT = 0.5; // above and below a line that is level

/** Median of the distances between points, in seconds. */
function usualDistance(points) {
    const distances = points
        .slice(1)
        .map(([time], index) => time - points[index][0])
        .sort((one, other) => one - other);
    return distances[Math.floor(distances.length / 2)] || 0;
}

/** Points without those that are too far from each other in one piece. */
function pieces(points, step) {
    const longest = GAP * Math.max(usualDistance(points), step);
    const found = [];
    for (const point of points) {
        const piece = found.at(-1);
        if (piece && point[0] - piece.at(-1)[0] <= longest) {
            piece.push(point);
        } else {
            found.push([point]);
        }
    }
    return found;
}

/**
 * What is drawn of a chart.
 *
 * @param {Object} data as `chart_data` returns it
 * @returns {{lowest: Number, highest: Number, lines: String[], bands: String[],
 *     place: Function}} `place` gives the x and y of a point; coordinates of an SVG of
 *     WIDTH by HEIGHT
 */
export function chartShape({begin, end, points, step}) {
    let lowest = Math.min(...points.map((point) => point[1]));
    let highest = Math.max(...points.map((point) => point[2]));
    if (lowest === highest) {
        lowest -= FLAT;
        highest += FLAT;
    }
    const x = (time) => (WIDTH * (time - begin)) / (end - begin || 1);
    const y = (value) => HEIGHT * (1 - (value - lowest) / (highest - lowest));
    const place = (point) => [x(point[0]), y(point[MEAN])];
    const text = (pairs) =>
        pairs.map((pair) => pair.map((one) => one.toFixed(1)).join(",")).join(" ");
    // A point alone has no length: it is drawn as long as what it stands for.
    const alone = Math.max(x(begin + step), SHORTEST);
    const drawn = (piece, value) => {
        const pairs = piece.map((point) => [x(point[0]), y(point[value])]);
        if (pairs.length > 1) {
            return pairs;
        }
        const [[left, top]] = pairs;
        const start = Math.max(0, Math.min(left, WIDTH - alone));
        return [
            [start, top],
            [start + alone, top],
        ];
    };
    const parts = pieces(points, step);
    return {
        lowest,
        highest,
        place,
        lines: parts.map((part) => text(drawn(part, MEAN))),
        bands: parts.map((part) =>
            text([...drawn(part, MINIMUM), ...drawn(part, MAXIMUM).reverse()])
        ),
    };
}

/** The index of the point whose time is nearest. */
export function nearestPoint(points, time) {
    let best = 0;
    points.forEach(([one], index) => {
        if (Math.abs(one - time) < Math.abs(points[best][0] - time)) {
            best = index;
        }
    });
    return best;
}

/** Numbers from 0 to 100, for a line that shows how they change. */
export function spread(values) {
    const lowest = Math.min(...values);
    const range = Math.max(...values) - lowest;
    return values.map((value) => (range ? (100 * (value - lowest)) / range : 50));
}
