package webhooks

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const tolerance = 5 * time.Minute

// IsGenuine tells whether X-Fabric-Signature is by this secret.
func IsGenuine(body []byte, signature, secret string) bool {
	expected := "sha256=" + hex.EncodeToString(code([]byte(secret), body))
	return hmac.Equal([]byte(expected), []byte(signature))
}

// IsGenuineAndNew tells whether a signature of Standard Webhooks is by this secret, and not older than five minutes.
func IsGenuineAndNew(body []byte, headers http.Header, secret string) bool {
	sent := headers.Get("webhook-timestamp")
	seconds, err := strconv.ParseInt(sent, 10, 64)
	if err != nil || time.Since(time.Unix(seconds, 0)).Abs() > tolerance {
		return false
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return false
	}
	signed := append([]byte(headers.Get("webhook-id")+"."+sent+"."), body...)
	expected := "v1," + base64.StdEncoding.EncodeToString(code(key, signed))
	for _, given := range strings.Split(headers.Get("webhook-signature"), " ") {
		if hmac.Equal([]byte(expected), []byte(given)) {
			return true
		}
	}
	return false
}

func code(key, signed []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(signed)
	return mac.Sum(nil)
}
