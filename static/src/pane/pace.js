import {onMounted, onWillUnmount} from "@odoo/owl";
import {browser} from "@web/core/browser/browser";

/**
 * Reads something whenever that is asked for, but at most once in a period, one reading at
 * a time, and not while nobody sees the page: then as soon as it is seen again.
 */
class Pace {
    constructor(read, period) {
        this.read = read;
        this.period = period;
        this.isAsked = false;
        this.isReading = false;
        this.last = -Infinity;
    }

    ask() {
        this.isAsked = true;
        this.go();
    }

    go() {
        if (!this.isAsked || this.isReading || document.visibilityState === "hidden") {
            return;
        }
        const wait = this.last + this.period - Date.now();
        browser.clearTimeout(this.timer);
        if (wait > 0) {
            this.timer = browser.setTimeout(() => this.go(), wait);
        } else {
            this.run();
        }
    }

    /** @returns {Promise} of a reading that does not wait for its turn */
    async run() {
        this.isAsked = false;
        this.isReading = true;
        this.last = Date.now();
        try {
            await this.read();
        } finally {
            this.isReading = false;
            this.go();
        }
    }

    stop() {
        this.isAsked = false;
        browser.clearTimeout(this.timer);
    }
}

/**
 * @param {() => Promise} read what it throws is its own matter
 * @param {Number} period milliseconds between the begins of two readings, at least
 * @returns {Pace}
 */
export function usePace(read, period) {
    const pace = new Pace(read, period);
    const onVisible = () => pace.go();
    onMounted(() => document.addEventListener("visibilitychange", onVisible));
    onWillUnmount(() => {
        document.removeEventListener("visibilitychange", onVisible);
        pace.stop();
    });
    return pace;
}
